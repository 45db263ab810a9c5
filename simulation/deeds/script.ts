// Everything that may happen in a seed, and how often. Each seed has its own mix of these.
import * as bystanders from './bystanders.ts'
import * as faults from './faults.ts'
import * as initiators from './initiators.ts'
import { below } from '../world/mix.ts'
import * as operators from './operators.ts'
import * as storage from './storage.ts'
import type { World } from '../world/parts.ts'
import type { Scene } from './scene.ts'

interface Action {
  readonly name: string
  readonly weight: number
  /** On in every seed. */
  readonly always?: true
  readonly run: (scene: Scene) => void
}

const ACTIONS: readonly Action[] = [
  { name: 'write', weight: 90, always: true, run: ({ workload }) => workload.write() },
  { name: 'read', weight: 78, always: true, run: ({ workload }) => workload.read() },
  { name: 'flush', weight: 15, always: true, run: ({ workload }) => void workload.flush() },
  { name: 'discard', weight: 9, run: ({ workload }) => workload.write('discard') },
  { name: 'writeZeroes', weight: 6, run: ({ workload }) => workload.write('writeZeroes') },
  { name: 'abort', weight: 6, run: ({ workload }) => workload.abort() },
  { name: 'error', weight: 12, run: faults.toggleError },
  { name: 'rareErrors', weight: 9, run: faults.rareErrors },
  { name: 'badBlock', weight: 6, run: faults.badBlock },
  { name: 'delay', weight: 9, run: faults.toggleDelay },
  { name: 'hang', weight: 9, run: faults.toggleHang },
  { name: 'flap', weight: 6, run: faults.flap },
  { name: 'landLater', weight: 12, run: faults.landLater },
  { name: 'busy', weight: 6, run: faults.busy },
  { name: 'swap', weight: 6, run: faults.swap },
  { name: 'grow', weight: 3, run: faults.grow },
  { name: 'shrink', weight: 3, run: faults.shrink },
  { name: 'loseCache', weight: 3, run: faults.loseCache },
  { name: 'breakLedger', weight: 3, run: faults.breakLedger },
  { name: 'jumpClock', weight: 3, run: faults.jumpClock },
  { name: 'operate', weight: 9, run: operators.operate },
  { name: 'access', weight: 9, run: operators.access },
  { name: 'block', weight: 6, run: operators.block },
  { name: 'policy', weight: 6, run: operators.policy },
  { name: 'remove', weight: 6, run: operators.remove },
  { name: 'removeAll', weight: 3, run: operators.removeAll },
  { name: 'releaseGhosts', weight: 6, run: operators.releaseGhosts },
  { name: 'crash', weight: 1, run: operators.crash },
  { name: 'powerCut', weight: 1, run: operators.powerCut },
  { name: 'add', weight: 15, always: true, run: operators.add },
  { name: 'healAll', weight: 6, always: true, run: faults.healFaults },
]
/** Where there are two hosts. */
const INITIATORS: readonly Action[] = [
  { name: 'reserve', weight: 15, run: initiators.reserve },
  { name: 'duel', weight: 4, run: initiators.duel },
]

/** Where paths have caches of their own. */
const CACHES: readonly Action[] = [
  { name: 'killServer', weight: 4, run: faults.killServer },
  { name: 'drain', weight: 6, run: operators.drain },
]

/** Where the storage of LUNs fails. */
const STORAGE: readonly Action[] = [
  { name: 'hangStorage', weight: 6, run: storage.hangStorage },
  { name: 'loseStorage', weight: 3, run: storage.loseStorage },
  { name: 'rewrite', weight: 30, run: ({ workload }) => workload.rewrite() },
]

/** Where devices are claimed and others open them. */
const BYSTANDERS: readonly Action[] = [{ name: 'bystander', weight: 8, run: bystanders.bystander }]

/** The things that happen in a seed: I/O always, of the rest two thirds. */
export class Script {
  readonly #mix: readonly Action[]
  readonly #total: number

  /** `never`: names of what is not to happen. */
  constructor(world: World, never: readonly string[] = []) {
    const swarm = world.random.fork('swarm')
    const chosen = ACTIONS.filter(({ always }) => always === true || below(swarm, 3) > 0)
    const more = [
      ...(world.hosts.length > 1 ? INITIATORS : []),
      ...(world.mix.caches === 'own' ? CACHES : []),
      ...(world.mix.storageFails ? STORAGE : []),
      ...(world.mix.bystanders ? BYSTANDERS : []),
    ]
    const mix = [...chosen, ...more]
    this.#mix = mix.filter(({ name }) => !never.includes(name))
    this.#total = this.#mix.reduce((sum, { weight }) => sum + weight, 0)
  }

  /** Does one of them; gives its name. */
  step(scene: Scene): string {
    let draw = below(scene.random, this.#total)
    for (const { name, weight, run } of this.#mix) {
      if (draw < weight) {
        run(scene)
        return name
      }
      draw -= weight
    }
    return ''
  }
}
