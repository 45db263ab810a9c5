// Ledgers to ask questions of: lives of simulated disks full of faults, and the golden stories, as files.
import { heal } from '../../simulation/deeds/heal.ts'
import { NO_PLANT } from '../../simulation/world/plant.ts'
import { begin, close, playStep } from '../../simulation/play.ts'
import { makeWorld } from '../../simulation/world/world.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import type { NewEvent, StoredEvent } from '../../store/types.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { STORIES } from '../histories/stories.ts'
import { added, failed, HEADER, Scribe, WWID } from './events.ts'

/** The ledger of a seed: the production engine through `steps` faults, operators and I/Os, closed at the end or not. */
export async function simulatedRows(
  seed: number,
  steps = 250,
  closed = true,
  never: readonly string[] = RESTARTS,
): Promise<readonly StoredEvent[]> {
  const world = makeWorld(seed, { plant: NO_PLANT, mix: { luns: [3] } })
  const play = await begin(world, never)
  for (let step = 0; step < steps; step += 1) await playStep(play)
  if (closed) await heal(play.scene)
  if (closed) await close(play)
  return world.hosts[0]!.ledger.rows()
}

/** What starts a run anew, or sets a clock: other tests are about that. */
const RESTARTS = ['crash', 'powerCut', 'jumpClock', 'breakLedger']

/** Two adapters with three paths each that fail and come back at random, often close together. */
export async function stormyRows(seed: number): Promise<readonly StoredEvent[]> {
  const random = seededRandom(seed)
  const scribe = new Scribe()
  const streams = ['8:0:0:0', '8:0:0:1', '8:0:1:0', '9:0:0:0', '9:0:0:1', '18:0:0:0'].map((hctl) => {
    return { hctl, stream: `path/${WWID}/${hctl}` }
  })
  const events: NewEvent[] = []
  for (let step = 0; step < 120; step += 1) {
    const { hctl, stream } = streams[random.nextUint32() % streams.length]!
    const afterUs = random.nextUint32() % 200_000
    const state = scribe.states.get(stream)
    const { health, device } = (state?.value ?? {}) as { health?: string; device?: string }
    if (device !== 'running') events.push(scribe.event(stream, 'path.added', added(hctl, 0), { afterUs }))
    else if (random.nextUint32() % 8 === 0) {
      events.push(scribe.event(stream, 'path.removed', { why: 'pulled' }, { afterUs, actor: 'operator:0' }))
    } else if (health === 'online') events.push(scribe.event(stream, 'path.failed', failed(), { afterUs }))
    else {
      const dueUs = (state?.context['timers'] as { probe: number }).probe
      events.push(scribe.event(stream, 'path.timerFired', { timer: 'probe', dueUs }, { afterUs }))
      events.push(scribe.event(stream, 'path.probeSucceeded', { reads: 3 }))
    }
  }
  const store = memoryStore({ header: HEADER })
  await store.append({ events })
  return store.rows()
}

/** Histories by what they are called: simulated ones and the golden stories. */
export async function histories(): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const found = new Map<string, readonly StoredEvent[]>()
  for (const [name, tell] of Object.entries(STORIES)) found.set(name, await tell())
  for (let seed = 11; seed <= 15; seed += 1) found.set(`seed ${seed}`, await simulatedRows(seed))
  for (let seed = 1; seed <= 3; seed += 1) found.set(`storm ${seed}`, await stormyRows(seed))
  found.set('seed 16, not closed', await simulatedRows(16, 250, false))
  return found
}

/** Lives in which engines crash, machines lose power and clocks jump, whatever else happens: the seeds whose ledgers show it. */
export async function restartedHistories(): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const found = new Map<string, readonly StoredEvent[]>()
  for (const seed of [32, 36, 38, 40, 41, 42]) {
    found.set(`restarts ${seed}`, await simulatedRows(seed, 250, seed % 3 > 0, ['breakLedger']))
  }
  return found
}

/** Writes rows that another store recorded into a ledger file; positions and causes stay what they are. */
export function writeLedger(file: string, rows: readonly StoredEvent[]): void {
  const [first, ...others] = rows
  if (first === undefined) throw new Error('a ledger has a header')
  const { engine, xstate } = JSON.parse(first.data) as { engine: string; xstate: string }
  const { eventId, recordedAtUs, monoUs, bootId } = first
  const ledger = LedgerFile.open(file, {
    header: { eventId, recordedAtUs, monoUs, bootId, engine, xstate },
  })
  const events = others.map(({ position: _position, version: _version, hash: _hash, ...event }) => event)
  for (let from = 0; from < events.length; from += 500) {
    for (const outcome of ledger.appendBatch([{ events: events.slice(from, from + 500) }])) {
      if (!outcome.ok) throw outcome.error
    }
  }
  ledger.close()
}
