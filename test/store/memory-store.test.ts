import { describe, expect, it } from 'vitest'
import { memoryReader, memoryStore } from '../../store/write/memory-store.ts'
import { ledgerStoreContract } from './contract.ts'
import { failed, HEADER, PATH_A, Scribe, twoPaths } from './events.ts'

ledgerStoreContract('memory', async (limits) =>
  memoryStore({ header: HEADER, ...(limits === undefined ? {} : { limits }) }),
)

describe('memory store', () => {
  it('commits when its scheduler says so: one commit in flight, the next batch collects meanwhile', async () => {
    const due: (() => void)[] = []
    const store = memoryStore({ header: HEADER, schedule: (deliver) => due.push(deliver) })
    const scribe = new Scribe()
    const commits: number[] = []
    store.subscribe((events) => commits.push(events.length))
    const [first, second] = twoPaths(scribe)
    const appends = [
      store.append({ events: [first!] }),
      store.append({ events: [second!] }),
      store.append({ events: [scribe.event(PATH_A, 'path.failed', failed())] }),
    ]
    expect([due.length, store.head().events]).toEqual([1, 1])
    due[0]!()
    expect([due.length, store.head().events, commits]).toEqual([2, 2, [1]])
    due[1]!()
    expect([due.length, store.head().events, commits]).toEqual([2, 4, [1, 2]])
    expect((await Promise.all(appends)).map(({ positions }) => positions)).toEqual([[2], [3], [4]])
  })

  it('gives the same bytes for the same appends', async () => {
    const run = async () => {
      const store = memoryStore({ header: HEADER })
      await store.append({ events: twoPaths(new Scribe()) })
      return store.head()
    }
    expect(await run()).toEqual(await run())
  })

  it('goes on from the rows of an earlier run', async () => {
    const before = memoryStore({ header: HEADER })
    const scribe = new Scribe()
    await before.append({ events: twoPaths(scribe) })
    await before.close()
    const after = memoryStore({ header: HEADER, rows: before.rows() })
    expect(after.head()).toEqual(memoryReader(before.rows()).head())
    const next = scribe.event(PATH_A, 'path.failed', failed())
    expect(await after.append({ events: [next], expected: { [PATH_A]: 1 } })).toEqual({
      positions: [4],
      duplicates: 0,
    })
    expect(before.rows()).toHaveLength(3)
  })
})
