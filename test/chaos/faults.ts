// The seven faults. Each leaves its path well again, with the engine of the moment or without one.
import { setTimeout as sleep } from 'node:timers/promises'
import { isAttached } from './loops.ts'
import type { ChaosPath } from './path.ts'
import type { Step } from './plan.ts'
import type { ChaosReport, Fault } from './report.ts'
import type { Slot } from './slot.ts'
import { until } from '../system/hang/servers.ts'

export interface FaultParts {
  readonly slot: Slot
  readonly report: ChaosReport
  /** The size that every path is to have; may grow up to `imageBytes`. */
  readonly size: { bytes: number; readonly imageBytes: number }
  readonly paths: readonly ChaosPath[]
  /** Another LUN's file. */
  readonly other: { readonly image: string; readonly wwid: string }
}

const STEP_BYTES = 64 * 1024

type Perform = (path: ChaosPath, step: Step, parts: FaultParts) => Promise<void>

export const PERFORM: Readonly<Record<Fault, Perform>> = {
  /** Every request is refused by the server, none is done. */
  async EIO(path, { lastsMs }) {
    path.server.eio(true)
    await sleep(lastsMs)
    path.server.heal()
  },

  /** The server stops. It wakes up and late writes land, or somebody fences it. */
  async HANG(path, step, parts) {
    path.fencing = step.coin ? 'kill' : 'none'
    path.hung = true
    path.server.hang()
    await sleep(step.lastsMs)
    path.fencing = 'none'
    // A fence may have come first.
    if (path.broken) return replace(path, parts)
    path.server.resume()
    path.hung = false
  },

  /** The server is killed. */
  async DEAD(path, { lastsMs, coin }, parts) {
    path.fencing = coin ? 'kill' : 'none'
    path.broken = true
    await path.server.dead()
    await sleep(lastsMs)
    await replace(path, parts)
  },

  /** nbdfuse is killed while the server is stopped with writes in its hands: EIO, and they land afterwards, or a fence comes first. */
  async GONE(path, { lastsMs, coin }, parts) {
    path.broken = true
    path.server.hang()
    await sleep(lastsMs / 2)
    path.fencing = coin ? 'kill' : 'none'
    await path.server.gone()
    await sleep(lastsMs / 2)
    path.server.resume()
    await sleep(lastsMs / 2)
    await replace(path, parts)
  },

  /** Some fifty blocks a second. */
  async SLOW(path, { lastsMs }) {
    path.slow(true)
    await sleep(lastsMs)
    path.slow(false)
  },

  /** The device comes back with another LUN's file, which must be refused, and then with its own. */
  async SWAP(path, _step, parts) {
    const { slot, report, other, size } = parts
    await slot.remove(path)
    const { sameDevice, other: swapped } = await path.attachOther(other.image, other.wwid)
    const added = await slot.use((engine) =>
      engine.ask('add', { path: { device: swapped.device, hctl: path.hctl } }),
    )
    await swapped.release()
    await until('the other file is detached', () => !isAttached(swapped.device, other.image))
    await path.attach(size.bytes)
    // It was killed before it answered.
    if (added === undefined) throw new NotDone()
    if (added.code !== 'PATH_WRONG_LUN')
      report.violations.push(`the device of another LUN was answered ${added.code ?? 'with ok'}`)
    if (sameDevice) report.swapsOnSameDevice += 1
  },

  /** The LUN grows, path by path; or one path has less than its head for a while. */
  async RESIZE(path, { coin, lastsMs }, { slot, size, paths, report }) {
    const rescan = () => slot.use((engine) => engine.ask('rescan'))
    if (coin && size.bytes < size.imageBytes) {
      size.bytes += STEP_BYTES
      report.grown += 1
      path.resize(size.bytes)
      await rescan()
      await sleep(lastsMs / 4)
      // Those that are busy follow when they are well.
      for (const other of paths.filter(({ busy }) => !busy)) other.resize(size.bytes)
      await rescan()
      return
    }
    path.resize(size.bytes - STEP_BYTES)
    await rescan()
    await sleep(lastsMs)
  },
}

/** The fault could not be brought to its end, and does not count. */
export class NotDone extends Error {}

/** Another server in the place of one that is dead, and another life of the path. */
export async function replace(path: ChaosPath, { slot, size }: FaultParts): Promise<void> {
  await path.killServers()
  await slot.remove(path)
  const over = `${path.settings.name}'s servers were killed and have ended`
  await slot.release((ghost) => ghost.path === path.hctl, over)
  await path.detach()
  await path.server.cleanUp()
  await path.start(size.bytes)
  path.fencing = 'none'
}
