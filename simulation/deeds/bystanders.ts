// Programs that are not ours have a device open: then no engine can claim it, and a claim that is refused says nothing of what
// the kernel still has of an engine that died.
import { below } from '../world/mix.ts'
import type { Scene } from './scene.ts'

/** So long it has it open, at the most: longer than time takes to stand for proof. */
const OPEN_MAX_US = 400_000

/** One opens a device for a while; now and then its engine dies meanwhile, with I/O in it. */
export function bystander({ world, random, workload }: Scene): void {
  const slots = world.hosts.flatMap((host) => host.slots)
  const slot = slots[below(random, slots.length)]
  if (slot === undefined || slot.bystanderUs !== null || slot.now.spared) return
  const { clock } = world
  const { host, lun, now } = slot
  const openedUs = clock.monoUs()
  slot.bystanderUs = openedUs
  world.tell?.(`  another program opens the device of ${slot.hctl}`)
  clock.setTimer(openedUs + below(random, OPEN_MAX_US), () => {
    if (slot.bystanderUs === openedUs) slot.bystanderUs = null
  })
  if (now.path === null || below(random, 2) > 0) return
  now.hang.enable()
  for (let writes = 0; writes < 3; writes += 1) workload.write(null, { host, lun })
  const { life } = host
  clock.setTimer(clock.monoUs() + 1_000, () => {
    if (!world.healed && life === host.life) life?.end('moment')
  })
}
