// Are our path choices the kernel's? Drives the engine through its public API with memory paths along recorded scripts.
//
//   npm run --silent vectors -- FILE...             compares; prints {"files","steps","reads","mismatches"}, exit 0 only at 0
//   npm run --silent vectors -- --choices FILE...   prints our choices, one NDJSON line a file; recorded paths are not read
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { chooseAll, parseVector } from './vectors/choose.ts'

interface Totals {
  files: number
  steps: number
  reads: number
  mismatches: number
}

async function main(args: readonly string[]): Promise<number> {
  const choicesOnly = args.includes('--choices')
  const files = args.filter((arg) => arg !== '--choices')
  if (files.length === 0) {
    console.error('Name the vector files: npm run --silent vectors -- ../shared/vectors/kernel-6.12/*.json')
    return 2
  }
  const totals: Totals = { files: 0, steps: 0, reads: 0, mismatches: 0 }
  for (const file of files) {
    const vector = parseVector(readFileSync(file, 'utf8'), file)
    const choices = await chooseAll(vector)
    if (choicesOnly) console.log(JSON.stringify({ file, choices }))
    else compare(file, vector, choices, totals)
  }
  if (!choicesOnly) console.log(JSON.stringify(totals))
  return totals.mismatches === 0 ? 0 : 1
}

/** Adds a file to the totals. Each read sent elsewhere than the kernel sent it is a mismatch. */
function compare(
  file: string,
  { steps }: ReturnType<typeof parseVector>,
  choices: readonly (readonly number[])[],
  totals: Totals,
): void {
  totals.files += 1
  totals.steps += steps.length
  const recorded = steps.filter((step) => step.op === 'io' || step.op === 'hold')
  recorded.forEach((step, index) => {
    const ours = choices[index] ?? []
    const theirs = step.paths
    if (theirs === undefined) throw new Error(`${file} has no recorded paths to compare with; use --choices`)
    totals.reads += theirs.length
    const wrong =
      theirs.filter((path, read) => path !== ours[read]).length + Math.max(0, ours.length - theirs.length)
    totals.mismatches += wrong
    if (wrong > 0) {
      console.error(
        `${basename(file)}, I/O step ${index}: the kernel took ${theirs.join(' ')}, we ${ours.join(' ')}`,
      )
    }
  })
}

process.exitCode = await main(process.argv.slice(2))
