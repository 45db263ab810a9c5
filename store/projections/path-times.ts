// How long each path has been in each state, up to its last event, and where it has stood since: what time-in-state.sql
// computes, carried on from step to step. The rules are the same, and so is the answer: test/store/projections.test.ts.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { Projection } from './projection.ts'

export const PATH_TIMES: Projection = {
  name: 'path_times',
  // Version 1 knew nothing of an operator's word that was overridden.
  // Version 2 knew nothing of paths that only lines tell of.
  version: 3,
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
  path     TEXT PRIMARY KEY,
  wall_us  INTEGER NOT NULL,
  mono_us  INTEGER NOT NULL,
  boot_id  TEXT NOT NULL,
  health   TEXT,
  usable   TEXT,
  override TEXT
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const range = { after, to }
    db.prepare(`WITH ${MOMENTS} ${ADD_TIMES}`).run(range)
    db.prepare(`WITH ${MOMENTS} ${KEEP_LAST}`).run(range)
  },
}

/**
 * Each path's events behind `:after` up to `:to`, behind the moment at which the step before left it. Samples change no state,
 * and most events are samples: what lies in them is not looked at.
 */
const MOMENTS = `said AS (
  SELECT
    stream AS path,
    position,
    recorded_at_us AS wall_us,
    mono_us,
    boot_id,
    decision ->> '$.state.device' NOT IN ('created', 'createdBlocked', 'deleted') AS present,
    decision ->> '$.state.health' AS health,
    decision ->> '$.state.device' = 'running'
      AND decision ->> '$.state.access' IN ('optimal', 'active')
      AND decision ->> '$.state.health' IN ('online', 'marginal') AS able,
    decision ->> '$.state.admin' = 'enabled' AS enabled,
    schema >= 100
      AND decision ->> '$.state.device' IN ('running', 'unknown')
      AND decision ->> '$.state.access' IN ('optimal', 'active', 'unknown')
      AND decision ->> '$.state.health' IN ('online', 'marginal', 'unknown')
      AND decision ->> '$.state.admin' IN ('enabled', 'unknown') AS untold,
    NULL AS usable,
    decision ->> '$.context.override' AS override,
    0 AS before
  FROM events
  WHERE position > :after AND position <= :to AND ${IS_NO_SAMPLE} AND stream >= 'path/' AND stream < 'path0'
  UNION ALL
  SELECT path, 0, wall_us, mono_us, boot_id, health IS NOT NULL, health, 0, 0, 0, usable, override, 1 FROM path_moments
),
counted AS (
  -- An override holds until the next decision that changes it.
  SELECT *, count(override) OVER (PARTITION BY path ORDER BY position) AS overrides FROM said
),
ruled AS (
  SELECT *, max(override) OVER (PARTITION BY path, overrides) AS ruling FROM counted
),
moment AS (
  SELECT
    path, position, wall_us, mono_us, boot_id,
    iif(present, health, NULL) AS health,
    CASE
      WHEN before THEN usable
      WHEN present AND able AND (enabled OR ruling IS 'on') THEN 'usable'
      WHEN present AND untold THEN iif(health = 'unknown', 'unknown', 'usable')
      WHEN present THEN 'unusable'
    END AS usable,
    ruling,
    before
  FROM ruled
)`

/** The spans between them; what is given is when the last one of each path ends. */
const spans = (boot: string, mono: string, wall: string): string => `span AS (
  SELECT
    path,
    before,
    CASE
      WHEN lead(boot_id, 1, ${boot}) OVER life = boot_id THEN max(0, lead(mono_us, 1, ${mono}) OVER life - mono_us)
      ELSE max(0, lead(wall_us, 1, ${wall}) OVER life - wall_us)
    END AS us,
    health,
    usable,
    lag(health) OVER life AS health_before,
    lag(usable) OVER life AS usable_before
  FROM moment
  WINDOW life AS (PARTITION BY path ORDER BY position)
)`

const TIMES = `SELECT path, 'health' AS region, health AS state, sum(us) AS us, sum(before = 0 AND health_before IS NOT health) AS entered
FROM span WHERE health IS NOT NULL GROUP BY path, health
UNION ALL
SELECT path, 'usable', usable, sum(us), sum(before = 0 AND usable_before IS NOT usable)
FROM span WHERE usable IS NOT NULL GROUP BY path, usable`

// The last one of each path waits for what follows it.
const ADD_TIMES = `, ${spans('boot_id', 'mono_us', 'wall_us')}
INSERT INTO path_times ${TIMES}
ON CONFLICT DO UPDATE SET us = us + excluded.us, entered = entered + excluded.entered`

const KEEP_LAST = `INSERT INTO path_moments
SELECT path, wall_us, mono_us, boot_id, health, usable, ruling
FROM (SELECT *, row_number() OVER (PARTITION BY path ORDER BY position DESC) AS nth FROM moment WHERE before = 0)
WHERE nth = 1
ON CONFLICT DO UPDATE SET wall_us = excluded.wall_us, mono_us = excluded.mono_us, boot_id = excluded.boot_id,
  health = excluded.health, usable = excluded.usable, override = excluded.override`

/** When a history ends that goes up to the event `:to` and on to the wall clock `:end_us`, or no further where that is NULL. */
export const ENDING = `ending AS (
  SELECT
    max(recorded_at_us, CAST(coalesce(:end_us, recorded_at_us) AS INTEGER)) AS wall_us,
    mono_us + max(0, CAST(coalesce(:end_us, recorded_at_us) AS INTEGER) - recorded_at_us) AS mono_us,
    boot_id
  FROM events WHERE position = :to
)`

/** time-in-state.sql, from the projection and what lies behind it: `:after` is how far the projection has come. */
export const TIME_IN_STATE = `WITH ${ENDING},
${MOMENTS},
${spans('(SELECT boot_id FROM ending)', '(SELECT mono_us FROM ending)', '(SELECT wall_us FROM ending)')},
part AS (SELECT path, region, state, us, entered FROM path_times UNION ALL ${TIMES})
SELECT path, region, state, sum(us) AS us, sum(entered) AS entered
FROM part
WHERE :path IS NULL OR path = :path
GROUP BY path, region, state
ORDER BY path, region, state`
