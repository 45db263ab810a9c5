// docs/mutation.md: how mutants are tried, what a run of all of them came to, and which of them no test notices, and why.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonFor } from '../mutation/reasons.ts'
import { scoreOf, type Counts, type Report } from '../mutation/report.ts'
import { SCOPES, type ScopeName } from '../mutation/scope.ts'
import { code, page, table } from './markdown.ts'

/** With the commit whose mutants they were. */
type Published = Report & { readonly commit: string }

function readReport(name: ScopeName): Published {
  const file = join(import.meta.dirname, '..', 'mutation', SCOPES[name].result)
  return JSON.parse(readFileSync(file, 'utf8')) as Published
}

const percent = (counts: Counts): string => `${scoreOf(counts).toFixed(1)} %`

/** How far the score of a sample may be from that of all, in percent: 95 % of samples of this size are nearer. */
function margin({ run, mutants, killed, timeouts }: Report): string {
  const share = (killed + timeouts) / run
  const finite = (mutants - run) / Math.max(1, mutants - 1)
  return (196 * Math.sqrt(((share * (1 - share)) / run) * finite)).toFixed(1)
}

function told(report: Published): string {
  const { run, mutants, killed, timeouts, survived, uncovered, commit } = report
  const all =
    run === mutants
      ? `All ${mutants} mutants that there were at commit ${commit} were tried.`
      : sample(report)
  return `${all} Tests noticed ${killed}, ${timeouts} ran for ever, ${survived} survived, and at ${uncovered} no test comes by:
a score of **${percent(report)}**, where those that no test comes by count as survivors.`
}

function sample(report: Published): string {
  const { run, mutants, commit } = report
  return `Of ${mutants} mutants at commit ${commit} ${run} were tried, as they were drawn by the seed: the score of all is within ${margin(report)} percent of that of
these (95 % interval).`
}

function filesTable(report: Published): string {
  const files = Object.entries(report.files).map(([file, counts]) => [
    code(file),
    String(counts.run),
    String(counts.killed + counts.timeouts),
    String(counts.survived + counts.uncovered),
    percent(counts),
  ])
  return table(['file', 'mutants', 'noticed', 'survived', 'score'], files)
}

function survivorsTable(report: Published): string {
  const survivors = report.survivors.map(({ file, line, what, status }) => [
    code(`${file}:${line}`),
    `${what}${status === 'uncovered' ? ' (no test comes by)' : ''}`,
    reasonFor(file, what) ?? '',
  ])
  return table(['where', 'mutant', 'why'], survivors)
}

function namedTable({ named = {} }: Published): string {
  return table(
    ['mistake', 'noticed by'],
    Object.entries(named).map(([name, by]) => [name, by ?? '**nothing**']),
  )
}

export async function mutationPage(): Promise<string> {
  const report = readReport('machines')
  const io = readReport('io')
  return page(
    'Mutation testing',
    `\`npm run mutation\` changes the machines and the selection of a path (\`machines/*.ts\` but for the shapes of events and
effects, \`engine/select*.ts\`) in small ways, one at a time, and runs the tests that come by. A change that none of them notices
has survived. Comparisons are turned round, \`&&\` and \`||\` change places, conditions always go one way, a \`!\` or a default goes,
numbers grow by one, booleans flip, \`some\` becomes \`every\`, statements are dropped.

All mutants are compiled into one copy of the tree and switched on by number. Tests run in one process that stays, without
vitest around them, each mutant on the tests that come by it: which do was noted in a first run. The likeliest and cheapest
come first, and the first that fails ends it, so that a mutant that is noticed costs some milliseconds. That the same test
passes again without the mutant is seen to; where it does not, or where the mutant is passed while modules load, the mutant gets
a process of its own. A test that takes twenty times as long as without the mutant (ten seconds at the least) runs for ever, and
is counted apart.

The tests are ${SCOPES.machines.tests.map(code).join(', ')}, but for ${SCOPES.machines.long.length} files of storms and long lives. Of those that are not about machines
or selection alone the cheapest that come by run, for three seconds: a mutant that only a later one of them would notice
counts as a survivor. So the score is a lower bound.

\`\`\`sh
npm run mutation                                         # every mutant, as far as twenty minutes reach
npm run mutation -- --minutes 90 --journal FILE          # goes on where the last run of these sources with FILE ended
npm run mutation -- --journal FILE --again --write       # those that survived once more, and this page
npm run mutation -- io --minutes 60 --write              # the way of the data
\`\`\`

It is a script of ours; Stryker was not tried. It is not part of \`npm test\`.

## What it came to

${told(report)}

${filesTable(report)}

## What survived

Where a reason is given, the mutant does the same as the code, or what it does otherwise cannot come up.

${survivorsTable(report)}

## The way of the data

\`npm run mutation -- io\` does the same to what may lose an acknowledged write: ${SCOPES.io.sources.map(code).join(', ')}. Besides the tests
that come by, ${SCOPES.io.seeds} seeds of the simulator run on each mutant. Threads and processes that a test starts have the mutant as well.

These mistakes have a name, and each must be noticed (\`scripts/mutation/named.ts\`):

${namedTable(io)}

${told(io)}

${filesTable(io)}

${survivorsTable(io)}

## Fuzzing

Coverage-guided fuzzing by Jazzer.js was not tried: every added package that brings binaries of its own has to install
without a network. \`test/fuzz\` makes its inputs with fast-check (\`PATHLEDGER_FUZZ_RUNS=100\` for a hundred times as many).`,
  )
}
