// All that can be run, by category.

import SearchOutlined from '@ant-design/icons/es/icons/SearchOutlined';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Input, Skeleton } from 'antd';
import { useState } from 'react';
import { jobTypesQuery } from '../../api/queries';
import type { JobType } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { TypeIcon } from '../../job/TypeIcon';
import { plural } from '../../job/words';
import { type Category, catalog } from './catalog';
import { RunnerState } from './RunnerState';
import './run.css';

export function Catalog() {
  useTitle('Run a job');
  const [search, setSearch] = useState('');
  const { data: types, error, refetch } = useQuery(jobTypesQuery);
  const categories = catalog(types ?? [], search);
  const found = categories.reduce((sum, category) => sum + category.types.length, 0);
  return (
    <>
      <div className="page-head">
        <h1>Run a job</h1>
        <div className="run-search">
          <Input
            type="search"
            prefix={<SearchOutlined aria-hidden />}
            placeholder="Search"
            aria-label="Search job types"
            allowClear
            value={search}
            onChange={({ target }) => setSearch(target.value)}
          />
        </div>
      </div>
      <p className="hidden-label" role="status">
        {types && search ? plural(found, 'job type') : ''}
      </p>
      {types ? <Categories types={types} categories={categories} search={search} /> : null}
      {!types && error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!types && !error ? <Skeleton active paragraph={{ rows: 6 }} /> : null}
    </>
  );
}

function Categories({ types, categories, search }: { types: JobType[]; categories: Category[]; search: string }) {
  if (types.length === 0) {
    return <Empty title="This server has no job types">Add a job file to the program and start it again.</Empty>;
  }
  if (categories.length === 0) {
    return <Empty title={`Nothing is called “${search.trim()}”`}>Search for a word of its name or description.</Empty>;
  }
  return categories.map((category) => (
    <section key={category.name} className="run-category" aria-label={category.name}>
      <h2>{category.name}</h2>
      <div className="run-cards">
        {category.types.map((type) => (
          <Card key={type.type} type={type} />
        ))}
      </div>
    </section>
  ));
}

/** The whole card is its link. */
function Card({ type }: { type: JobType }) {
  return (
    <article className="run-card" style={{ '--run-color': `var(--ant-${type.color})` } as React.CSSProperties}>
      <span className="run-card-icon">
        <TypeIcon name={type.icon} />
      </span>
      <div className="run-card-text">
        <h3>
          <Link to="/run/$type" params={{ type: type.type }}>
            {type.label}
          </Link>
        </h3>
        <p className="muted">{type.description.split('\n\n')[0]}</p>
        <RunnerState type={type} />
      </div>
    </article>
  );
}
