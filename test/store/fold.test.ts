import { describe, expect, it } from 'vitest'
import { foldAll, foldStream, redecide, stateAt } from '../../store/state/fold.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import type { MemoryStore } from '../../store/write/memory-store.ts'
import { added, failed, HEAD, HEADER, PATH_A, PATH_B, sampled, Scribe } from './events.ts'
import { story } from './story.ts'

async function storyStore(): Promise<{ store: MemoryStore; scribe: Scribe }> {
  const store = memoryStore({ header: HEADER })
  const scribe = new Scribe()
  for (const events of story(scribe)) await store.append({ events })
  return { store, scribe }
}

describe('fold', () => {
  it('comes to the states that the machines came to when it was written', async () => {
    const { store, scribe } = await storyStore()
    const { position, streams } = foldAll(store)
    expect(position).toBe(store.head().events)
    for (const [stream, { value, context }] of scribe.states) {
      expect(streams[stream]).toMatchObject({ value, context })
    }
  })

  it('gives versions and positions, and streams in the order of their code units', async () => {
    const { store } = await storyStore()
    const { streams } = foldAll(store)
    expect(Object.keys(streams)).toEqual([...Object.keys(streams)].sort())
    for (const [stream, { version, position }] of Object.entries(streams)) {
      expect(store.read({ stream })).toHaveLength(version)
      expect(store.read({ stream }).at(-1)!.position).toBe(position)
    }
  })

  it('agrees with deciding again from the inputs alone, at every position', async () => {
    const { store } = await storyStore()
    for (let toPosition = 0; toPosition <= store.head().events; toPosition += 1) {
      const folded = foldAll(store, { toPosition })
      expect(folded.position).toBe(toPosition)
      expect(JSON.stringify(redecide(store, { toPosition }))).toBe(JSON.stringify(folded))
    }
  })

  it('decides again without a look at the stored decisions', async () => {
    const { store } = await storyStore()
    const blind = { read: (query: object) => store.read(query).map((row) => ({ ...row, decision: 'gone' })) }
    expect(redecide(blind)).toEqual(foldAll(store))
  })

  it('gives one stream alone', async () => {
    const { store } = await storyStore()
    expect(foldStream(store, PATH_A)).toEqual(foldAll(store).streams[PATH_A])
    expect(foldStream(store, HEAD, { toPosition: 8 })).toEqual(
      foldAll(store, { toPosition: 8 }).streams[HEAD],
    )
    expect(foldStream(store, 'path/nobody/1:2:3:4')).toBeNull()
  })

  it('gives the state at a position and at a time', async () => {
    const { store } = await storyStore()
    const [failure] = store.read({ type: 'path.failed' })
    const at = { position: failure!.position }
    expect(stateAt(store, at).streams[PATH_A]?.value).toMatchObject({ health: 'failed' })
    expect(stateAt(store, { timeUs: failure!.recordedAtUs })).toEqual(stateAt(store, at))
    expect(stateAt(store, { timeUs: failure!.recordedAtUs - 1 }).streams[PATH_A]?.value).toMatchObject({
      health: 'online',
    })
    expect(stateAt(store, { timeUs: 0 })).toEqual({ position: 0, streams: {} })
    expect(stateAt(store, { position: 1_000 }).position).toBe(store.head().events)
  })

  it('reads page by page', async () => {
    const store = memoryStore({ header: HEADER })
    const scribe = new Scribe()
    const events = [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0))]
    while (events.length < 2_500) events.push(scribe.event(PATH_A, 'path.ioSampled', sampled(1, 1, 1)))
    await store.append({ events: [...events, scribe.event(PATH_B, 'path.failed', failed())] })
    expect(foldAll(store)).toMatchObject({ position: 2_502, streams: { [PATH_A]: { version: 2_500 } } })
    expect(foldAll(store, { toPosition: 2_000 }).position).toBe(2_000)
  })
})
