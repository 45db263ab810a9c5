import { Worker } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { openLedger } from '../../store/write/open.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import type { StoredEvent } from '../../store/types.ts'
import { startChild } from './child.ts'
import { failed, HEADER, PATH_A, Scribe, twoPaths } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

/** A writer's thread of a test's own making. It answers `ready`, then does as it is told. */
function impostor(onMessage: string): (data: unknown) => Worker {
  const code = `const { parentPort } = require('node:worker_threads')
    const header = { format: 1, machines: {}, xstate: '', engine: '', flags: [] }
    parentPort.postMessage({ kind: 'ready', header, created: false })
    parentPort.on('message', (message) => { ${onMessage} })`
  return () => new Worker(code, { eval: true })
}

async function existingLedger(): Promise<string> {
  const file = tempFile()
  await (await openLedger(file, { header: HEADER })).close()
  return file
}

describe('writer', () => {
  it('shares one commit among the appends that came while another was in flight', async () => {
    const store = await openLedger(tempFile(), { header: HEADER, limits: { maxBatchEvents: 100 } })
    const scribe = new Scribe()
    const commits: number[] = []
    store.subscribe((events) => commits.push(events.length))
    const events = Array.from({ length: 250 }, () => scribe.event(PATH_A, 'path.failed', failed()))
    await Promise.all(events.map((event) => store.append({ events: [event] })))
    expect(commits).toEqual([1, 100, 100, 49])
    await store.close()
  })

  it('gives listeners the very rows that are in the file', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    const heard: StoredEvent[] = []
    store.subscribe((events) => heard.push(...events))
    const [first, second] = twoPaths(new Scribe())
    await store.append({ events: [first!, { ...second!, cause: { eventId: first!.eventId } }] })
    const reader = openLedgerReader(file)
    expect(heard).toEqual(reader.read({ fromPosition: 2 }))
    reader.close()
    await store.close()
  })

  it('keeps a process alive while it commits, and not when it is idle', async () => {
    const file = tempFile()
    const child = startChild('append-and-leave.ts', file)
    expect(await child.ended).toBe(0)
    expect(child.output()).toBe('2,3\n')
    const reader = openLedgerReader(file)
    expect(reader.head().events).toBe(3)
    reader.close()
  })

  it('rejects what waits and what comes when its thread dies, and still lets go of the ledger', async () => {
    const file = await existingLedger()
    const dies = impostor("throw new Error('out of memory, say')")
    const store = await openLedger(file, { header: HEADER, spawn: dies })
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const results = await Promise.allSettled([
      store.append({ events: [first!] }),
      store.append({ events: [second!] }),
    ])
    const died = {
      ...{ code: 'LEDGER_IO', errno: 'EIO', outcome: 'unknown' },
      message: expect.stringContaining('out of memory, say') as string,
    }
    expect(results).toMatchObject([
      { status: 'rejected', reason: died },
      { status: 'rejected', reason: died },
    ])
    await expect(store.append({ events: [first!] })).rejects.toMatchObject(died)
    expect(store.head().events).toBe(1)
    await store.close()
    const again = await openLedger(file, { header: HEADER })
    expect(await again.append({ events: [first!] })).toMatchObject({ positions: [2] })
    await again.close()
  })

  it('says so when its thread ends without a word, before or after it was ready', async () => {
    const file = await existingLedger()
    const never = () => new Worker('', { eval: true })
    await expect(openLedger(file, { header: HEADER, spawn: never })).rejects.toMatchObject({
      code: 'LEDGER_IO',
    })
    const throws = () => new Worker("throw new Error('no')", { eval: true })
    await expect(openLedger(file, { header: HEADER, spawn: throws })).rejects.toMatchObject({
      code: 'LEDGER_IO',
    })
    const leaves = impostor('process.exit(0)')
    const store = await openLedger(file, { header: HEADER, spawn: leaves })
    await expect(store.append({ events: [] })).rejects.toMatchObject({ code: 'LEDGER_IO' })
    await store.close()
  })

  it('rejects an append of which the thread says nothing, and one error crosses the threads whole', async () => {
    const file = await existingLedger()
    const silent = impostor(`parentPort.postMessage(message.kind === 'close'
      ? { kind: 'closed', error: null } : { kind: 'committed', outcomes: [] })`)
    const store = await openLedger(file, { header: HEADER, spawn: silent })
    await expect(store.append({ events: [] })).rejects.toMatchObject({
      code: 'LEDGER_IO',
      outcome: 'unknown',
    })
    await store.close()
    const real = await openLedger(file, { header: HEADER })
    const refused = await real
      .append({ events: [], expected: { engine: 7 } })
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({
      name: 'PathledgerError',
      message:
        'The stream engine is not at the expected version. The append expected 7; the stream is at version 1. ' +
        'Read the stream again, decide again, and append with the version that you saw.',
      details: { stream: 'engine', expected: 7, actual: 1 },
    })
    await real.close()
  })

  it("does not swallow a listener's error, nor lets it keep others from their news", async () => {
    const store = await openLedger(tempFile(), { header: HEADER })
    const thrown = vi.fn()
    const [own] = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', thrown)
    try {
      const heard: StoredEvent[] = []
      store.subscribe(() => {
        throw new Error('my mistake')
      })
      store.subscribe((events) => heard.push(...events))
      await store.append({ events: twoPaths(new Scribe()) })
      expect(heard).toHaveLength(2)
      await store.close()
      expect(thrown).toHaveBeenCalledWith(
        expect.objectContaining({ message: 'my mistake' }),
        expect.anything(),
      )
    } finally {
      process.removeAllListeners('uncaughtException')
      if (own !== undefined) process.on('uncaughtException', own)
    }
  })
})
