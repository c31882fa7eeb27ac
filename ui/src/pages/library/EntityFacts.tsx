// All that is known of a performer, a tag or a studio.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { EntityDetail } from '../../api/schema';
import { When } from '../../job/times';
import { plural } from '../../job/words';
import { Fact, Text } from './Fact';
import { To } from './SceneFacts';
import type { Entities } from './useLibrary';

const RELATION = { performers: 'performer', tags: 'tag', studios: 'studio' } as const;

interface Props {
  kind: Entities;
  entity: EntityDetail;
  stash: ReactNode;
}

export function EntityFacts({ kind, entity, stash }: Props) {
  const { id, scenes, aliases } = entity;
  return (
    <dl className="library-dl">
      <Fact name="In">
        {scenes > 0 ? (
          <Link to="/library" search={{ [RELATION[kind]]: id }}>
            {plural(scenes, 'scene')}
          </Link>
        ) : (
          'no scenes'
        )}
      </Fact>
      <Fact name="Other names">{aliases.length > 0 ? aliases.join(', ') : null}</Fact>
      {kind === 'performers' ? <OfPerformer performer={entity} /> : null}
      {kind === 'studios' ? <OfStudio studio={entity} /> : null}
      <Fact name="Details">
        <Text>{entity.details}</Text>
      </Fact>
      <Fact name="Id in Stash">
        <code>{id}</code> {stash}
      </Fact>
      <Fact name="Came into Stash">{entity.created_at ? <When at={entity.created_at} /> : null}</Fact>
      <Fact name="Changed in Stash">
        <When at={entity.updated_at} />
      </Fact>
      <Fact name="Synced">
        <When at={entity.synced_at} />
      </Fact>
    </dl>
  );
}

function OfPerformer({ performer: { disambiguation, gender, favorite } }: { performer: EntityDetail }) {
  return (
    <>
      <Fact name="Told apart by">{disambiguation}</Fact>
      <Fact name="Gender">{gender?.toLowerCase().replaceAll('_', ' ')}</Fact>
      <Fact name="Favourite">{favorite ? 'yes' : 'no'}</Fact>
    </>
  );
}

function OfStudio({ studio: { parent_id, parent_name, url } }: { studio: EntityDetail }) {
  return (
    <>
      <Fact name="Part of">{parent_id ? <To kind="studios" one={{ id: parent_id, name: parent_name }} /> : null}</Fact>
      <Fact name="On the web">{url ? <span className="library-url">{url}</span> : null}</Fact>
    </>
  );
}
