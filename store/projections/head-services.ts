// When heads went dark and were served again: of all that happens to a head only what changed that, as outages.sql needs it.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { Projection } from './projection.ts'

const COLUMNS = 'stream, position, version, type, schema, cause, recorded_at_us, mono_us, boot_id, decision'

/** Events of heads behind `:after` up to `:to`, those of traced I/O left out. */
const FOUND = `SELECT ${COLUMNS}
  FROM events NOT INDEXED
  WHERE position > :after AND position <= :to
    AND type >= 'head.' AND type < 'head/' AND ${IS_NO_SAMPLE} AND type NOT IN ('head.ioTraced', 'head.ioParked')
    AND stream >= 'head/' AND stream < 'head0'`

export const HEAD_SERVICES: Projection = {
  name: 'head_services',
  // Version 1 knew no head that is dark for all that lines tell.
  version: 2,
  tables: {
    head_services: `CREATE TABLE head_services (
  stream         TEXT NOT NULL,
  position       INTEGER NOT NULL,
  version        INTEGER NOT NULL,
  type           TEXT NOT NULL,
  schema         INTEGER NOT NULL,
  cause          INTEGER,
  recorded_at_us INTEGER NOT NULL,
  mono_us        INTEGER NOT NULL,
  boot_id        TEXT NOT NULL,
  decision       TEXT NOT NULL,
  PRIMARY KEY (stream, position)
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    db.prepare(ADVANCE).run({ after, to })
  },
}

/** What outages.sql looks at: is the head there, and how is it served? */
const ADVANCE = `WITH moment AS (
  SELECT *, 0 AS before FROM (${FOUND})
  UNION ALL
  SELECT *, 1 FROM head_services AS kept
  WHERE position = (SELECT max(position) FROM head_services AS last WHERE last.stream = kept.stream)
),
said AS (
  SELECT
    *,
    concat(
      decision ->> '$.state.life' IN ('live', 'removalPending')
        AND decision ->> '$.state.service' IN ('queueing', 'failing', 'dark'),
      '/',
      iif(
        decision ->> '$.state.service' IN ('queueing', 'failing', 'dark'),
        decision ->> '$.state.service',
        ''
      )
    ) AS service
  FROM moment
)
INSERT INTO head_services
SELECT ${COLUMNS}
FROM (SELECT *, lag(service) OVER (PARTITION BY stream ORDER BY position) AS service_before FROM said)
WHERE before = 0 AND service IS NOT service_before`

/** For `events` in a query about how heads were served: the projection and what lies behind it, `:after` being how far it has come. */
export const ALL_SERVICES = `(SELECT * FROM head_services UNION ALL ${FOUND})`
