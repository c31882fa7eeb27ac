// All that is known of a scene.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Kind, Related, SceneDetail } from '../../api/schema';
import { When } from '../../job/times';
import { length, size } from './amounts';
import { Fact, Text } from './Fact';

export function SceneFacts({ scene, stash }: { scene: SceneDetail; stash: ReactNode }) {
  const { studio_id, studio_name, performers, tags, groups, urls } = scene;
  const { width, height, duration_seconds, size_bytes, rating100 } = scene;
  return (
    <dl className="library-dl">
      <Fact name="File">{scene.path ? <code className="any-text">{scene.path}</code> : null}</Fact>
      <Fact name="Studio">{studio_id ? <To kind="studios" one={{ id: studio_id, name: studio_name }} /> : null}</Fact>
      <Fact name="Performers">{several('performers', performers)}</Fact>
      <Fact name="Tags">{several('tags', tags)}</Fact>
      <Fact name="Groups">
        {groups.length > 0
          ? groups.map(({ name, scene_index: at }) => (at === null ? name : `${name} (${at})`)).join(', ')
          : null}
      </Fact>
      <Fact name="Details">
        <Text>{scene.details}</Text>
      </Fact>
      <Fact name="Date">{scene.date}</Fact>
      <Fact name="Length">{duration_seconds === null ? null : length(duration_seconds)}</Fact>
      <Fact name="Resolution">{width && height ? `${width} × ${height}` : null}</Fact>
      <Fact name="Size">{size_bytes === null ? null : size(size_bytes)}</Fact>
      <Fact name="Codec">{scene.codec}</Fact>
      <Fact name="Rating">{rating100 === null ? null : `${rating100} of 100`}</Fact>
      <Fact name="Organized">{scene.organized ? 'yes' : 'no'}</Fact>
      <Fact name="Director">{scene.director}</Fact>
      <Fact name="Code">{scene.code}</Fact>
      <Fact name="On the web">
        {urls.length > 0
          ? urls.map((url) => (
              <span key={url} className="library-url">
                {url}
              </span>
            ))
          : null}
      </Fact>
      <Fact name="OSHash">{scene.oshash ? <code>{scene.oshash}</code> : null}</Fact>
      <Fact name="PHash">{scene.phash ? <code>{scene.phash}</code> : null}</Fact>
      <Fact name="Id in Stash">
        <code>{scene.id}</code> {stash}
      </Fact>
      <Fact name="Came into Stash">{scene.created_at ? <When at={scene.created_at} /> : null}</Fact>
      <Fact name="Changed in Stash">
        <When at={scene.updated_at} />
      </Fact>
      <Fact name="Synced">
        <When at={scene.synced_at} />
      </Fact>
    </dl>
  );
}

function several(kind: Exclude<Kind, 'scenes'>, all: readonly Related[]): ReactNode {
  if (all.length === 0) return null;
  return (
    <span className="library-several">
      {all.map((one) => (
        <To key={one.id} kind={kind} one={one} />
      ))}
    </span>
  );
}

/** What a scene names, with its own facts behind. */
export function To({ kind, one: { id, name } }: { kind: Exclude<Kind, 'scenes'>; one: Related }) {
  return (
    <Link to="/library" search={{ kind, open: id }} className="library-to">
      {name ?? `${id} (not synced)`}
    </Link>
  );
}
