// docs/replay.md: a session at the terminal, made by running its commands.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../cli/main.ts'
import { writeStory } from './replay-story.ts'

/** Widest line of a block; what is longer is cut and marked. */
const WIDTH = 240

/** The page. */
export async function replayPage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-page-'))
  try {
    const file = join(folder, 'mp.ledger')
    await writeStory(file)
    return await told(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function told(file: string): Promise<string> {
  const run = (line: string) => session(file, line)
  const failed = JSON.parse(await output(file, 'audit failovers mp.ledger --json')) as {
    rows: { position: number }[]
  }
  const [first = 0, second = 0] = failed.rows.map(({ position }) => position)
  return `<!-- Made by scripts/docs.ts from the commands that it shows: do not edit. -->

# Something is wrong with the disk: replay and explain

It is 03:07, and an alarm says that a disk is degraded. Three commands find the path that failed and say why. The ledger of this
page is a simulated night on a virtual clock. The commands themselves printed everything below.

## What is there now?

${await run('topology mp.ledger')}

Two of four paths are not usable, and both belong to adapter 8.

## Why?

${await run('explain sda mp.ledger')}

The answer begins with the symptom and goes back from each event to the one that led to it, down to the first evidence: which path
answered which I/O with which errno. Positions are those of the ledger. \`--at\` asks about an earlier position or time, and
\`--json\` is for programs.

## How did it happen?

${await run(`replay mp.ledger --step --from ${first - 1} --to ${second}`)}

Each decision is made again from the recorded inputs alone, and shown with what it changed and what it asked the engine to do. At a
terminal, \`pathledger replay mp.ledger --step\` goes forward and back by keys (\`n\`, \`p\`, \`f\` for the next failure, \`h\` for
the other keys).

## And then?

${await run(`diff mp.ledger ${first - 1} -0s`)}

${await run('audit failovers mp.ledger')}

${await run('audit correlated mp.ledger')}

${await run('replay mp.ledger --verify')}

- While the engine runs, \`pathledger replay mp.ledger --follow\` prints each event as it is written.
- [The ledger](ledger.md#audit-queries) has the other questions of \`pathledger audit\`, with their SQL. Questions of your own
  go to \`pathledger sql\`.
- The ledger tells about single I/Os if the head [traces](tracing.md) them.
`
}

/** A command with what it printed, as a block. */
async function session(file: string, line: string): Promise<string> {
  const text = await output(file, line)
  const lines = text
    .trimEnd()
    .split('\n')
    .map((one) => (one.length > WIDTH ? `${one.slice(0, WIDTH - 3)}...` : one))
  return `\`\`\`console\n$ pathledger ${line}\n${lines.join('\n')}\n\`\`\``
}

async function output(file: string, line: string): Promise<string> {
  let [text, told] = ['', '']
  const io = {
    out: async (more: string) => void (text += more),
    // The night has no end and its file no log beside it, which every verb would say: at 03:07 both are there.
    err: (more: string) => void (told += more),
    ...{ terminal: false, color: false, live: false, columns: 120 },
  }
  const code = await main(
    line.split(' ').map((word) => (word === 'mp.ledger' ? file : word)),
    io,
  )
  if (code !== 0) throw new Error(`\`pathledger ${line}\` exits with ${code}: ${told}`)
  return text
}
