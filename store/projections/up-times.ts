// How long each path and each head has been up and down, and how often it went down: what availability.sql computes, carried
// on from step to step. The rules are the same, and so is the answer: test/store/projections.test.ts.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import { ENDING } from './path-times.ts'
import type { Projection } from './projection.ts'

export const UP_TIMES: Projection = {
  name: 'up_times',
  // Version 1 took what lines do not tell for time down.
  version: 2,
  tables: {
    up_times: `CREATE TABLE up_times (
  stream   TEXT PRIMARY KEY,
  up_us    INTEGER NOT NULL,
  down_us  INTEGER NOT NULL,
  unknown_us INTEGER NOT NULL,
  failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
    up_moments: `CREATE TABLE up_moments (
  stream  TEXT PRIMARY KEY,
  wall_us INTEGER NOT NULL,
  mono_us INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  up      INTEGER,
  unknown INTEGER
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const range = { after, to }
    db.prepare(`WITH ${MOMENTS} ${ADD_TIMES}`).run(range)
    db.prepare(`WITH ${MOMENTS} ${KEEP_LAST}`).run(range)
  },
}

/** The events behind `:after` up to `:to`, behind the moment at which the step before left each stream. */
const MOMENTS = `moment AS (
  SELECT
    stream,
    position,
    recorded_at_us AS wall_us,
    mono_us,
    boot_id,
    -- 1 up, 0 down, NULL not there.
    CASE
      WHEN stream < 'i' THEN
        CASE
          WHEN decision ->> '$.state.life' IN ('live', 'removalPending')
            THEN CASE WHEN decision ->> '$.state.service' <> 'unknown' THEN decision ->> '$.state.service' IN ('serving', 'degraded') END
        END
      WHEN decision ->> '$.state.device' NOT IN ('created', 'createdBlocked', 'deleted')
        THEN CASE WHEN decision ->> '$.state.health' <> 'unknown' THEN decision ->> '$.state.health' IN ('online', 'marginal') END
    END AS up,
    iif(stream < 'i', decision ->> '$.state.service', decision ->> '$.state.health') = 'unknown'
      AND decision ->> '$.state.device' IS NOT 'deleted'
      AND decision ->> '$.state.life' IS NOT 'removed' AS unknown,
    0 AS before
  FROM events
  WHERE position > :after AND position <= :to
    AND ${IS_NO_SAMPLE} AND type NOT IN ('head.ioTraced', 'head.ioParked')
    AND (stream >= 'path/' AND stream < 'path0' OR stream >= 'head/' AND stream < 'head0')
  UNION ALL
  SELECT stream, 0, wall_us, mono_us, boot_id, up, unknown, 1 FROM up_moments
)`

const spans = (boot: string, mono: string, wall: string): string => `span AS (
  SELECT
    stream,
    before,
    up,
    unknown,
    lag(up) OVER life AS up_before,
    CASE
      WHEN lead(boot_id, 1, ${boot}) OVER life = boot_id THEN max(0, lead(mono_us, 1, ${mono}) OVER life - mono_us)
      ELSE max(0, lead(wall_us, 1, ${wall}) OVER life - wall_us)
    END AS us
  FROM moment
  WINDOW life AS (PARTITION BY stream ORDER BY position)
)`

const TIMES = `SELECT
  stream,
  sum(iif(up, us, 0)) AS up_us,
  sum(iif(up = 0, us, 0)) AS down_us,
  sum(iif(unknown, us, 0)) AS unknown_us,
  sum(before = 0 AND up_before IS 1 AND up IS 0) AS failures
FROM span WHERE up IS NOT NULL OR unknown GROUP BY stream`

// The last moment of each stream waits for what follows it.
const ADD_TIMES = `, ${spans('boot_id', 'mono_us', 'wall_us')}
INSERT INTO up_times ${TIMES}
ON CONFLICT DO UPDATE SET up_us = up_us + excluded.up_us, down_us = down_us + excluded.down_us,
  unknown_us = unknown_us + excluded.unknown_us,
  failures = failures + excluded.failures`

const KEEP_LAST = `INSERT INTO up_moments
SELECT stream, wall_us, mono_us, boot_id, up, unknown
FROM (SELECT *, row_number() OVER (PARTITION BY stream ORDER BY position DESC) AS nth FROM moment WHERE before = 0)
WHERE nth = 1
ON CONFLICT DO UPDATE SET wall_us = excluded.wall_us, mono_us = excluded.mono_us, boot_id = excluded.boot_id, up = excluded.up,
  unknown = excluded.unknown`

/** availability.sql, from the projection and what lies behind it: `:after` is how far the projection has come. */
export const AVAILABILITY = `WITH ${ENDING},
${MOMENTS},
${spans('(SELECT boot_id FROM ending)', '(SELECT mono_us FROM ending)', '(SELECT wall_us FROM ending)')},
part AS (SELECT stream, up_us, down_us, unknown_us, failures FROM up_times UNION ALL ${TIMES}),
total AS (
  SELECT
    stream,
    sum(up_us) + sum(down_us) AS there_us,
    sum(up_us) AS up_us,
    sum(down_us) AS down_us,
    sum(unknown_us) AS unknown_us,
    sum(failures) AS failures
  FROM part
  WHERE :stream IS NULL OR stream = :stream
  GROUP BY stream
)
SELECT
  substr(stream, 1, 4) AS kind,
  stream,
  there_us,
  up_us,
  down_us,
  unknown_us,
  failures,
  up_us / nullif(failures, 0) AS mtbf_us,
  down_us / nullif(failures, 0) AS mttr_us,
  up_us * 1000 / nullif(there_us, 0) * 1000 + up_us * 1000 % nullif(there_us, 0) * 1000 / nullif(there_us, 0)
    AS availability_ppm
FROM total
ORDER BY stream`
