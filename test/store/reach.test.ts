// A ledger's file that cannot be reached, and one that is of a version that never was: each says what it is.
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { checkIds, errnoOf, unreachable } from '../../store/file/connection.ts'
import { APPLICATION_ID } from '../../store/rows/schema.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

test.each([
  ['ENOSPC', 'LEDGER_FULL', 'Free space'],
  ['EDQUOT', 'LEDGER_FULL', 'Free space'],
  ['EACCES', 'LEDGER_PERMISSION', 'Check the name'],
  ['EROFS', 'LEDGER_PERMISSION', 'Check the name'],
  ['EIO', 'LEDGER_IO', 'Check the name'],
])('%s is %s', (errno, code, todo) => {
  const error = unreachable(Object.assign(new Error('no'), { code: errno }), 'mp.ledger')
  expect(error).toMatchObject({ code, errno })
  expect(error.todo).toContain(todo)
})

test('an error without an errno is told all the same', () => {
  expect(unreachable('no', 'mp.ledger').code).toBe('LEDGER_IO')
  expect(errnoOf('no')).toEqual(expect.any(String))
})

test('a database of our kind with a schema version below 1 is no ledger', () => {
  const db = new Database(tempFile())
  db.pragma(`application_id = ${APPLICATION_ID}`)
  expect(() => checkIds(db, 'mp.ledger')).toThrow(expect.objectContaining({ code: 'NOT_A_LEDGER' }))
  db.close()
})
