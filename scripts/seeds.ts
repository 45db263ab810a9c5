// Finds anew the seed of each planted bug, where the one in test/seeds.json does not find it any more (the engine does other
// things at the same seed after a change): `node scripts/seeds.ts [--write]`. A bug that no seed of the first two hundred finds
// by its check is a check that has lost its teeth, and is said at the end.
import { readFileSync, writeFileSync } from 'node:fs'
import { simulateSeed } from '../simulation/simulate.ts'

interface Planted {
  readonly seed: number
  readonly invariant: string
}

const FILE = new URL('../test/seeds.json', import.meta.url)
const SEEDS_MAX = 200

const seeds = JSON.parse(readFileSync(FILE, 'utf8')) as { planted: Record<string, Planted> }
for (const [plant, { seed, invariant }] of Object.entries(seeds.planted)) {
  const found = await firstThatFinds(plant, invariant, seed)
  if (found === seed) continue
  if (found === null) {
    console.log(`${plant}: no seed of the first ${SEEDS_MAX} finds it by ${invariant}`)
    process.exitCode = 1
    continue
  }
  console.log(`${plant}: seed ${found} instead of ${seed}`)
  seeds.planted[plant] = { seed: found, invariant }
}
if (process.argv.includes('--write')) writeFileSync(FILE, `${JSON.stringify(seeds, null, 2)}\n`)

async function firstThatFinds(plant: string, invariant: string, known: number): Promise<number | null> {
  const finds = async (seed: number): Promise<boolean> =>
    (await simulateSeed(seed, { plant })).violations.some((one) => one.invariant === invariant)
  if (await finds(known)) return known
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) if (await finds(seed)) return seed
  return null
}
