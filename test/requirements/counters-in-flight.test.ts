// D-27 to D-30 once more, over random mixes of faults: whatever happens in whatever order, what is counted as in flight is
// what is in flight, after every step and at rest.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IO_POLICIES } from '../../machines/words.ts'
import { BLOCK, bytesOf, Rig, type RigPath } from '../engine/rig.ts'

const HCTLS = ['8:0:0:0', '8:0:1:0', '9:0:0:0'] as const

type Step = (rig: Rig, paths: RigPath[], pick: number, ios: Promise<unknown>[]) => unknown

const quietly = (step: () => void) => {
  try {
    step()
  } catch {
    // Refused: the path does not take it in its state.
  }
}
const at = (paths: RigPath[], pick: number) => paths[pick % paths.length] as RigPath

const STEPS: Readonly<Record<string, Step>> = {
  write: (rig, _paths, pick, ios) => {
    ios.push(rig.head.write({ offset: (pick % 64) * BLOCK, data: bytesOf(pick) }).catch(() => undefined))
  },
  read: (rig, _paths, pick, ios) => {
    ios.push(rig.head.read({ offset: (pick % 64) * BLOCK, length: 4 * BLOCK }).catch(() => undefined))
  },
  flush: (rig, _paths, _pick, ios) => void ios.push(rig.head.flush().catch(() => undefined)),
  abortedWrite: (rig, _paths, pick, ios) => {
    const controller = new AbortController()
    const io = rig.head.write({ offset: 0, data: bytesOf(pick), signal: controller.signal })
    ios.push(io.catch(() => undefined))
    rig.clock.setTimer(rig.clock.monoUs() + pick, () => controller.abort())
  },
  time: (rig, _paths, pick) => rig.pass(pick % 3_000),
  fail: (_rig, paths, pick) =>
    at(paths, pick).fail({ errno: pick % 2 === 0 ? 'EIO' : 'EAGAIN', count: 1 + (pick % 3) }),
  break: (_rig, paths, pick) => at(paths, pick).fail(),
  heal: (_rig, paths, pick) => at(paths, pick).heal(),
  hang: (_rig, paths, pick) => at(paths, pick).hang.enable(),
  letGo: (_rig, paths, pick) => at(paths, pick).hang.disable(),
  block: (_rig, paths, pick) => quietly(() => at(paths, pick).path.block()),
  unblock: (_rig, paths, pick) => quietly(() => at(paths, pick).path.unblock()),
  pull: (_rig, paths, pick) => quietly(() => at(paths, pick).path.fail()),
  putBack: (_rig, paths, pick) => quietly(() => at(paths, pick).path.reinstate()),
  policy: (rig, _paths, pick) => rig.head.setIoPolicy(IO_POLICIES[pick % 3] ?? 'numa'),
  drain: (rig) => void rig.head.drain(),
  reset: (rig, paths, pick) => {
    at(paths, pick).path.resetCounters()
    rig.head.resetCounters()
  },
}

/** What the engine counts against what the devices have. */
function expectCountsAreRight(rig: Rig, paths: RigPath[]): void {
  for (const { hctl, path, inFlight } of paths) expect(path.inFlight, hctl).toBe(inFlight)
  for (const { host, queueDepth, inFlight } of rig.mp.adapters) {
    expect(queueDepth, `adapter ${host}`).toBeGreaterThanOrEqual(0)
    expect(queueDepth, `adapter ${host}`).toBeLessThanOrEqual(inFlight)
  }
  expect(rig.head.stat.inFlight).toBeGreaterThanOrEqual(0)
}

async function live(story: readonly (readonly [string, number])[]): Promise<void> {
  const rig = await Rig.open({
    iopolicy: 'queue-depth',
    noPathRetry: 'queue',
    attemptTimeoutMs: 1_000,
    ghostQuiesceMs: 2_000,
    checked: false,
  })
  const paths: RigPath[] = []
  for (const hctl of HCTLS) paths.push(await rig.add(hctl, { errorsAreFinal: hctl !== '9:0:0:0' }))
  const ios: Promise<unknown>[] = []
  for (const [name, pick] of story) {
    await STEPS[name]?.(rig, paths, pick, ios)
    await rig.settle()
    expectCountsAreRight(rig, paths)
  }
  // Everything heals: what is left comes to its end, and nothing is counted any more.
  for (const made of paths) {
    made.heal()
    made.hang.disable()
    quietly(() => made.path.unblock())
    quietly(() => made.path.reinstate())
  }
  await rig.drive(Promise.all(ios))
  await rig.pass(60_000)
  expectCountsAreRight(rig, paths)
  const rest = [
    ...paths.map(({ path }) => path.inFlight),
    ...rig.mp.adapters.map(({ queueDepth }) => queueDepth),
  ]
  expect([...rest, rig.head.stat.inFlight, rig.head.queued.bios, rig.head.held.bios]).toEqual(
    new Array<number>(rest.length + 3).fill(0),
  )
  expect(rig.mp.broken).toBeNull()
  await rig.end()
}

test('D-28: over random mixes of faults, counters equal what is in flight, and come back to zero', async () => {
  const step = fc.tuple(fc.constantFrom(...Object.keys(STEPS), 'write', 'read', 'time'), fc.nat(10_000))
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), live), { numRuns: 40 })
})
