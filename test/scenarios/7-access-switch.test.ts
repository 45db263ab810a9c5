// The access states of two halves of a LUN change places and back, by the target's own word, under verified load.
import { expect, test } from 'vitest'
import { aluaRig } from '../engine/alua-rig.ts'
import { BLOCK, bytesOf, type Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0'] as const
const BEFORE = ['optimal', 'active', 'unavailable', 'unavailable'] as const
const SWITCHED = ['unavailable', 'unavailable', 'optimal', 'active'] as const

test.each(['numa', 'round-robin', 'queue-depth'] as const)(
  'scenario 7: (%s) I/O follows the optimized paths through two switches; no error, both dated',
  async (iopolicy) => {
    const groups = HCTLS.map((hctl, at) => ({ id: at + 1, paths: [hctl], access: BEFORE[at]! }))
    const { rig, target } = await aluaRig({ groups }, { iopolicy })
    const paths: RigPath[] = []
    for (const hctl of HCTLS) paths.push(await rig.add(hctl, { latencyUs: 20_000 }))
    const accesses = () => paths.map(({ path }) => path.state.access)
    expect(accesses()).toEqual(BEFORE)

    const load = new Load(rig)
    const script: { position: number; accesses: readonly string[]; atUs: number }[] = []
    const carried = async (milliseconds: number) => {
      const before = paths.map(({ ios }) => ios.length)
      await load.run(milliseconds)
      script.push({ position: rig.position, accesses: accesses(), atUs: rig.clock.monoUs() })
      return paths.map(({ ios }, at) => ios.length - before[at]!)
    }
    const change = (states: readonly (typeof BEFORE)[number][]) =>
      states.forEach((access, at) => target.setGroup(at + 1, { access }))

    // Only the optimized one carries I/O; the non-optimized one waits for its turn.
    const first = await carried(1_000)
    expect(first.map((ios) => ios > 0)).toEqual([true, false, false, false])
    change(SWITCHED)
    await load.run(100)
    const switched = await carried(10_000)
    expect(switched.map((ios) => ios > 0)).toEqual([false, false, true, false])
    change(BEFORE)
    await load.run(100)
    const back = await carried(1_000)
    expect(back.map((ios) => ios > 0)).toEqual([true, false, false, false])
    await load.end()

    expect(load.errors).toBe(0)
    expect(rig.head.counters).toMatchObject({ callerErrors: 0, failedNoPath: 0 })
    for (const type of ['path.failed', 'path.suspected', 'lun.ghostsOpened']) {
      expect(rig.rows(type), type).toEqual([])
    }
    // Both switches are dated, path by path, with the report that told of them as their cause.
    for (const hctl of HCTLS) {
      const changes = rig.rows('path.accessChanged', hctl)
      expect(changes.length, hctl).toBeGreaterThanOrEqual(2)
      for (const { cause } of changes) {
        const type = rig.memory.rows().find(({ position }) => position === cause)?.type
        expect(['lun.groupsReported', 'lun.senseReceived']).toContain(type)
      }
    }
    const times = rig.rows('lun.groupsReported').map(({ monoUs }) => monoUs)
    expect(times.some((at) => at >= script[0]!.atUs && at < script[1]!.atUs)).toBe(true)
    expect(times.some((at) => at >= script[1]!.atUs)).toBe(true)
    rig.expectReplayEqualsLive()
    for (const { position, accesses: then } of script) {
      expect(HCTLS.map((hctl) => (rig.stateAt(position, hctl) as { access: string }).access)).toEqual(then)
      const shut = HCTLS.filter((_hctl, at) => then[at] === 'unavailable' && position > script[0]!.position)
      for (const hctl of shut) {
        const stream = `path/${rig.lun.wwid}/${hctl}`
        expectExplained(rig.memory, { stream }, { kind: 'accessState', path: hctl }, position)
      }
    }
  },
)

/** Four workers that write a block, read it back and compare, one after the other. */
class Load {
  errors = 0
  readonly #rig: Rig
  readonly #workers: Promise<void>[]
  #over = false

  constructor(rig: Rig) {
    this.#rig = rig
    this.#workers = [0, 1, 2, 3].map((worker) => this.#work(worker))
  }

  async #work(worker: number): Promise<void> {
    const { head } = this.#rig
    for (let turn = 0; !this.#over; turn += 1) {
      const offset = (worker + 4 * (turn % 64)) * BLOCK
      const data = bytesOf(worker * 7 + turn)
      try {
        await head.write({ offset, data })
        expect(await head.read({ offset, length: BLOCK })).toEqual(data)
      } catch {
        this.errors += 1
      }
    }
  }

  run(milliseconds: number): Promise<void> {
    return this.#rig.pass(milliseconds)
  }

  async end(): Promise<void> {
    this.#over = true
    await this.#rig.drive(Promise.all(this.#workers))
  }
}
