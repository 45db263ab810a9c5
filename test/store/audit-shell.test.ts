// The SQL of the audits as an auditor runs it: in a shell, with no parameter set.
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIT_QUERIES, auditSql, type AuditQuery } from '../../store/audit/query.ts'
import { NO_LIMIT } from '../../store/pages.ts'
import { makeFolder, recordStory, removeFolder } from '../cli/harness.ts'

const folder = makeFolder()
const story = join(folder, 'story.ledger')
let db: Database.Database
beforeAll(async () => {
  await recordStory(story)
  db = new Database(story, { readonly: true })
})
afterAll(() => {
  db.close()
  removeFolder(folder)
})

/** What a parameter that is not set stands for; NULL where it is not here: no filter. */
const UNSET: Readonly<Record<string, number>> = {
  ...{ from_position: 1, to_position: NO_LIMIT, position: NO_LIMIT, limit: 1_000_000 },
  ...{ interval_us: 3_600_000_000, failures: 3, offset: 0, length: NO_LIMIT },
}
const WINDOWS: Readonly<Partial<Record<AuditQuery, number>>> = { flapping: 60_000_000, correlated: 2_000_000 }

describe('F-33: the SQL of each audit', () => {
  it.each(Object.keys(AUDIT_QUERIES) as AuditQuery[])(
    'runs as it is printed, with no parameter set: %s',
    (name) => {
      const sql = auditSql(name)
      const code = sql.replace(/^--.*$/gm, '').replace(/'[^']*'/g, "''")
      const parameters = [...new Set([...code.matchAll(/:([a-z_]+)/g)].map(([, found = '']) => found))]
      const values = (of: (parameter: string) => number | null) =>
        Object.fromEntries(parameters.map((parameter) => [parameter, of(parameter)]))
      const unset = db.prepare(sql).all(values(() => null))
      const set = db
        .prepare(sql)
        .all(values((one) => (one === 'window_us' ? (WINDOWS[name] ?? 0) : (UNSET[one] ?? null))))
      expect(unset).toEqual(set)
      // What the story has, so that nothing is compared with nothing.
      if (['failovers', 'path-history', 'topology', 'changes', 'io-by-path', 'io-by-interval'].includes(name))
        expect(unset).not.toEqual([])
    },
  )
})
