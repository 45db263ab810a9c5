// What happens to the storage that the engines of a LUN share: its disk hangs for a while, or somebody cleans it away. Then every
// engine that has it stops; operators close what has stopped, and start it again when nothing of it is under way any more.
import { below, LATENESS_MAX_US, pick } from '../world/mix.ts'
import { LOSS_HEARD_US } from '../world/shared-lun.ts'
import { slotsOf } from './faults.ts'
import type { Scene } from './scene.ts'
import { report } from '../world/parts.ts'
import type { Host, SimLun } from '../world/parts.ts'

/** Engines of other hosts know nothing of what a lost storage said: they wait until nothing can land any more. */
const QUIET_US = 4 * LATENESS_MAX_US
/** So soon operators see that an engine has stopped. */
const SEEN_US = 20_000
/** A write that hangs has left its ghost by then. */
const GHOSTS_US = 20_000
/** So long an engine that has stopped takes to close. */
const CLOSE_MAX_US = 200_000

/** Its disk answers nobody, or answers again. */
export function hangStorage({ world, random }: Scene): void {
  const { shared } = lunOf({ world, random })
  if (shared.hangs) return shared.heal()
  shared.hang()
  world.sometimes.reach('storageHung')
  const { clock } = world
  const untilUs = clock.monoUs() + below(random, pick(random, [40_000, 1_000_000]))
  clock.setTimer(untilUs, () => shared.heal())
}

/** Its folder is cleaned away under every engine that has it: at once, or when writes of theirs hang and have left ghosts in it. */
export function loseStorage(scene: Scene): void {
  const { world, random, workload } = scene
  const lun = lunOf(scene)
  const slots = slotsOf(world, lun).filter(({ now }) => now.path !== null && !now.spared)
  const slot = slots[below(random, Math.max(1, 2 * slots.length))]
  if (slot === undefined) return lose(scene, lun)
  slot.now.hang.enable()
  for (let writes = 0; writes < 4; writes += 1) workload.write(null, { host: slot.host, lun })
  const { clock } = world
  clock.setTimer(clock.monoUs() + GHOSTS_US, () => {
    if (!world.healed) lose(scene, lun)
  })
}

function lose(scene: Scene, lun: SimLun): void {
  const { world } = scene
  const { hosts } = world
  const lives = lun.shared.lives
  const having = hosts.filter(({ life, mp }) => life?.alive === true && mp !== null && lives.includes(life))
  // While one is opened it is not known yet whether it has it.
  if (
    having.length === 0 ||
    hosts.some(({ opening, slots }) => opening || slots.some(({ adding }) => adding))
  )
    return
  if (lun.shared.ghosts.size > 0) world.sometimes.reach('storageLostWithGhosts')
  lun.shared.lose()
  lun.settledEpoch = 0
  world.sometimes.reach('storageLost')
  world.tell?.(`the storage of ${lun.wwid} is cleaned away`)
  if (sharing(hosts, lun) > 1) keepDown(scene, lun, having)
  for (const host of having) stop(scene, host)
}

function lunOf({ world, random }: Pick<Scene, 'world' | 'random'>): SimLun {
  return world.luns[below(random, world.luns.length)] as SimLun
}

function sharing(hosts: readonly Host[], lun: SimLun): number {
  return hosts.filter(({ slots }) => slots.some((slot) => slot.lun === lun)).length
}

/** Nobody begins on the new storage before everything that the old one told of is over. */
function keepDown({ world, workload }: Scene, lun: SimLun, having: readonly Host[]): void {
  const untilUs = world.clock.monoUs() + LOSS_HEARD_US + SEEN_US + QUIET_US
  for (const host of world.hosts.filter(({ slots }) => slots.some((slot) => slot.lun === lun))) {
    host.keptDownUntilUs = untilUs
    if (!having.includes(host)) host.life?.end('moment')
  }
  workload.buryDead()
}

/** It has stopped when it can have heard of it; soon its operator closes or kills it, and starts it again. */
function stop({ world, workload, random }: Scene, host: Host): void {
  const { clock } = world
  const { life, mp } = host
  if (life === null || mp === null) return
  const lostUs = clock.monoUs()
  clock.setTimer(lostUs + LOSS_HEARD_US, () => {
    if (!life.alive || mp.broken?.code === 'LUN_STORAGE_LOST') return
    report(world, 'lossStops', `${host.name} lost the storage of its LUN and runs on`)
  })
  clock.setTimer(lostUs + LOSS_HEARD_US + below(random, SEEN_US), () => {
    if (!life.alive) return
    if (below(random, 2) === 0) return life.end('moment')
    const closed = { done: false }
    const whenClosed = () => {
      closed.done = true
      if (!life.alive) return
      const left = [...workload.open].filter((io) => io.life === life).length
      if (left > 0)
        report(world, 'lossStops', `${host.name} is closed, and ${left} callers have heard nothing`)
      life.end('moment')
      workload.buryDead()
    }
    mp.close().then(whenClosed, whenClosed)
    clock.setTimer(clock.monoUs() + CLOSE_MAX_US, () => {
      if (!closed.done && life.alive) report(world, 'lossStops', `${host.name} does not close`)
    })
  })
}
