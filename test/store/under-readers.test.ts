// Readers beside a writer: they see whole commits in order, hold up nobody, and do not make the write-ahead log grow for ever.
import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { HEADER, workload } from '../../bench/ledger/workload.ts'
import { openLedger } from '../../store/write/open.ts'
import { pages } from '../../store/pages.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { startChild } from './child.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const MiB = 1024 * 1024

it('the log starts over while readers page, also behind a connection that held it open for long', async () => {
  const store = await openLedger(tempFile(), { header: HEADER })
  const events = workload('readers')
  const append = async (commits: number): Promise<void> => {
    for (let left = commits; left > 0; left -= 1) {
      await store.append({ events: Array.from({ length: 100 }, () => events.next().value) })
    }
  }
  const walBytes = () => statSync(`${store.file}-wal`).size
  const reader = openLedgerReader(store.file)
  let seen = 0
  // A page, a commit, a page: a reader of ours is always somewhere in the middle.
  for (const page of pages(reader, {})) {
    seen += page.length
    await append(2)
    if (seen > 15_000) break
  }
  expect(walBytes()).toBeLessThan(24 * MiB)
  const foreign = new Database(store.file, { readonly: true })
  const held = foreign.prepare('SELECT position FROM events').iterate()
  held.next()
  const before = walBytes()
  await append(40)
  expect(walBytes()).toBeGreaterThanOrEqual(before)
  held.return?.()
  foreign.close()
  const grown = walBytes()
  await append(60)
  expect(walBytes()).toBeLessThanOrEqual(grown + 16 * MiB)
  reader.close()
  await store.close()
})

it('many processes that read while it is written see every event once and in order', async () => {
  const store = await openLedger(tempFile(), { header: HEADER })
  const events = workload('processes')
  const last = 4_000
  const children = Array.from({ length: 4 }, () => startChild('read-along.ts', store.file, String(last)))
  await Promise.all(children.map((child) => child.printed(/ready/)))
  for (let at = 1; at < last; at += 50) {
    await store.append({ events: Array.from({ length: Math.min(50, last - at) }, () => events.next().value) })
  }
  for (const child of children) {
    expect(await child.ended).toBe(0)
    expect(child.output()).toContain(`read ${last} in order`)
  }
  await store.close()
  expect(verifyLedger(store.file)).toMatchObject({ events: last, chain: 'ok', replay: 'equal' })
})
