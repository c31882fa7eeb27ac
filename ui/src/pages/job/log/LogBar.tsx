// What is done to the log view: choosing levels, searching, wrapping long lines, keeping all as a file.

import DownloadOutlined from '@ant-design/icons/es/icons/DownloadOutlined';
import DownOutlined from '@ant-design/icons/es/icons/DownOutlined';
import UpOutlined from '@ant-design/icons/es/icons/UpOutlined';
import { Button, Checkbox, Input, Select } from 'antd';
import type { LogLevel } from '../../../api/schema';
import { count } from '../../../job/words';
import type { LogFollower } from './LogFollower';
import type { Filter } from './ShownLines';
import type { Hits } from './useHits';

interface Props {
  jobId: string;
  log: LogFollower;
  filter: Filter;
  setFilter(filter: Filter): void;
  wrap: boolean;
  setWrap(wrap: boolean): void;
  hits: Hits;
}

const LEVEL_OPTIONS: { value: LogLevel; label: string }[] = [
  { value: 'debug', label: 'All levels' },
  { value: 'info', label: 'Info and above' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors only' },
];

export function LogBar({ jobId, log, filter, setFilter, wrap, setWrap, hits }: Props) {
  return (
    <div className="log-bar">
      <Select
        aria-label="Levels"
        className="log-levels"
        value={filter.level}
        options={LEVEL_OPTIONS}
        onChange={(level) => setFilter({ ...filter, level })}
      />
      <Input
        allowClear
        className="log-search"
        aria-label="Search the log"
        placeholder="Search"
        value={filter.text}
        onChange={(event) => setFilter({ ...filter, text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && hits.count > 0) hits.go(event.shiftKey ? -1 : 1);
        }}
      />
      <span className="log-found number muted" role="status">
        {filter.text === '' ? '' : found(hits, log)}
      </span>
      <Button
        icon={<UpOutlined />}
        aria-label="Previous match"
        disabled={hits.count === 0}
        onClick={() => hits.go(-1)}
      />
      <Button icon={<DownOutlined />} aria-label="Next match" disabled={hits.count === 0} onClick={() => hits.go(1)} />
      <Checkbox checked={filter.only} onChange={(event) => setFilter({ ...filter, only: event.target.checked })}>
        Only matches
      </Checkbox>
      <Checkbox checked={wrap} onChange={(event) => setWrap(event.target.checked)}>
        Wrap
      </Checkbox>
      <Button
        className="log-download"
        icon={<DownloadOutlined />}
        href={`/api/jobs/${jobId}/logs?format=text`}
        download
      >
        Download
      </Button>
    </div>
  );
}

function found(hits: Hits, log: LogFollower): string {
  const looking = log.busy === 'all' ? ', looking further' : '';
  if (hits.count === 0) return log.busy === 'all' ? 'looking' : 'not found';
  return `${count(hits.at)} of ${count(hits.count)}${looking}`;
}
