// Finds anew the seed of each planted bug, where the one in test/seeds.json does not find it any more (the engine does other
// things at the same seed after a change), and the seed and the check of a bug that is new there: `node scripts/seeds.ts [--write]`.
// A bug that no seed of the first two hundred finds by its check is a check that has lost its teeth, and is said at the end.
import { readFileSync, writeFileSync } from 'node:fs'
import { PLANTS } from '../simulation/plants/plants.ts'
import { simulateSeed } from '../simulation/simulate.ts'

interface Planted {
  readonly seed: number
  readonly invariant: string
}

const FILE = new URL('../test/seeds.json', import.meta.url)
const SEEDS_MAX = 200

const seeds = JSON.parse(readFileSync(FILE, 'utf8')) as { planted: Record<string, Planted> }
const planted: Record<string, Planted> = {}
for (const plant of Object.keys(PLANTS)) {
  const known = seeds.planted[plant]
  const found = known === undefined ? await firstFinding(plant) : await stillFinding(plant, known)
  if (found !== null) planted[plant] = found
  else process.exitCode = 1
}
if (process.argv.includes('--write')) {
  writeFileSync(FILE, `${JSON.stringify({ ...seeds, planted }, null, 2)}\n`)
}

/** A bug that is new: whatever check finds it first. */
async function firstFinding(plant: string): Promise<Planted | null> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    const [first] = (await simulateSeed(seed, { plant })).violations
    if (first === undefined) continue
    console.log(`${plant}: new, seed ${seed} finds it by ${first.invariant}`)
    return { seed, invariant: first.invariant }
  }
  console.log(`${plant}: new, and no seed of the first ${SEEDS_MAX} finds it`)
  return null
}

async function stillFinding(plant: string, { seed, invariant }: Planted): Promise<Planted | null> {
  const found = await firstThatFinds(plant, invariant, seed)
  if (found === null) {
    console.log(`${plant}: no seed of the first ${SEEDS_MAX} finds it by ${invariant}`)
    return null
  }
  if (found !== seed) console.log(`${plant}: seed ${found} instead of ${seed}`)
  return { seed: found, invariant }
}

async function firstThatFinds(plant: string, invariant: string, known: number): Promise<number | null> {
  const finds = async (seed: number): Promise<boolean> =>
    (await simulateSeed(seed, { plant })).violations.some((one) => one.invariant === invariant)
  if (await finds(known)) return known
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) if (await finds(seed)) return seed
  return null
}
