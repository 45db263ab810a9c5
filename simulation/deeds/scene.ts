// A world with its workload.
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import { Workload } from './workload.ts'
import type { World } from '../world/parts.ts'

export interface Scene {
  readonly world: World
  readonly workload: Workload
  readonly random: SeededRandom
}

export function sceneOf(world: World): Scene {
  const workload = new Workload(world)
  return { world, workload, random: world.random.fork('scene') }
}
