// node scripts/ingest/score.ts DIR...: compares what is read from case folders with what they expect.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { caseFolders, factsOfCase } from './cases.ts'
import { scoreCase, type Expected, type Found, type Score } from './compare.ts'

const scores: Score[] = []
for (const folder of caseFolders(process.argv.slice(2))) {
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected
  const score = scoreCase(expected, (await factsOfCase(folder)) as unknown as Found)
  scores.push(score)
  console.log(JSON.stringify(score))
}
const sum = (pick: (score: Score) => number): number =>
  scores.reduce((total, score) => total + pick(score), 0)
const share = (part: number, whole: number): number =>
  whole === 0 ? 1 : Math.round((part / whole) * 10_000) / 10_000
console.log(
  JSON.stringify({
    case: 'total',
    cases: scores.length,
    complete: scores.filter(({ complete }) => complete).length,
    recall: share(
      sum(({ matched }) => matched),
      sum(({ expected }) => expected),
    ),
    precision: share(
      sum(({ matched }) => matched),
      sum(({ found }) => found),
    ),
    causes: share(
      sum(({ causesRight }) => causesRight),
      sum(({ causes }) => causes),
    ),
    answers: share(
      sum(({ answersRight }) => answersRight),
      sum(({ answers }) => answers),
    ),
    forbidden: sum(({ forbidden }) => forbidden.length),
  }),
)
if (scores.some(({ complete }) => !complete)) process.exitCode = 1
