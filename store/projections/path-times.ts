// How long each path has been in each state, up to its last event, and where it has stood since: what time-in-state.sql
// computes, carried on from step to step. The rules are the same, and so is the answer: test/store/projections.test.ts.
import type Database from 'better-sqlite3'
import type { Projection } from './projection.ts'

export const PATH_TIMES: Projection = {
  name: 'path_times',
  version: 1,
  tables: {
    path_times: `CREATE TABLE path_times (
  path    TEXT NOT NULL,
  region  TEXT NOT NULL,
  state   TEXT NOT NULL,
  us      INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  PRIMARY KEY (path, region, state)
) STRICT, WITHOUT ROWID`,
    path_moments: `CREATE TABLE path_moments (
  path    TEXT PRIMARY KEY,
  wall_us INTEGER NOT NULL,
  mono_us INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  health  TEXT,
  usable  TEXT
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const range = { after, to }
    db.prepare(`${MOMENTS} ${ADD_TIMES}`).run(range)
    db.prepare(`${MOMENTS} ${KEEP_LAST}`).run(range)
  },
}

/** Each path's events of the step, behind the moment at which the step before left it. */
const MOMENTS = `WITH
own AS (
  SELECT stream, position, recorded_at_us, mono_us, boot_id, decision -> '$.state' AS state
  FROM events
  WHERE position > :after AND position <= :to AND stream >= 'path/' AND stream < 'path0'
),
moment AS (
  SELECT
    stream AS path,
    position,
    recorded_at_us AS wall_us,
    mono_us,
    boot_id,
    CASE WHEN state ->> '$.device' NOT IN ('created', 'createdBlocked', 'deleted') THEN state ->> '$.health' END AS health,
    CASE WHEN state ->> '$.device' NOT IN ('created', 'createdBlocked', 'deleted') THEN
      CASE
        WHEN state ->> '$.device' = 'running'
          AND state ->> '$.access' IN ('optimal', 'active')
          AND state ->> '$.health' IN ('online', 'marginal')
          AND state ->> '$.admin' = 'enabled'
          THEN 'usable'
        ELSE 'unusable'
      END
    END AS usable,
    0 AS before
  FROM own
  UNION ALL
  SELECT path, 0, wall_us, mono_us, boot_id, health, usable, 1 FROM path_moments
)`

const ADD_TIMES = `, span AS (
  SELECT
    path,
    before,
    -- The last one of each path waits for what follows it.
    coalesce(
      CASE
        WHEN lead(boot_id) OVER life = boot_id THEN max(0, lead(mono_us) OVER life - mono_us)
        ELSE max(0, lead(wall_us) OVER life - wall_us)
      END,
      0
    ) AS us,
    health,
    usable,
    lag(health) OVER life AS health_before,
    lag(usable) OVER life AS usable_before
  FROM moment
  WINDOW life AS (PARTITION BY path ORDER BY position)
)
INSERT INTO path_times
SELECT path, 'health', health, sum(us), sum(before = 0 AND health_before IS NOT health)
FROM span WHERE health IS NOT NULL GROUP BY path, health
UNION ALL
SELECT path, 'usable', usable, sum(us), sum(before = 0 AND usable_before IS NOT usable)
FROM span WHERE usable IS NOT NULL GROUP BY path, usable
ON CONFLICT DO UPDATE SET us = us + excluded.us, entered = entered + excluded.entered`

const KEEP_LAST = `INSERT INTO path_moments
SELECT path, wall_us, mono_us, boot_id, health, usable
FROM (SELECT *, row_number() OVER (PARTITION BY path ORDER BY position DESC) AS nth FROM moment WHERE before = 0)
WHERE nth = 1
ON CONFLICT DO UPDATE SET wall_us = excluded.wall_us, mono_us = excluded.mono_us, boot_id = excluded.boot_id,
  health = excluded.health, usable = excluded.usable`
