// Benchmarks. Every figure that is judged is a ratio to a yardstick that was measured in the same run.
//
//   npm run bench                          all of them; writes docs/benchmarks.md
//   npm run --silent bench -- io --json    I/O against fio; --rounds N, --ms N of each measurement, --profile
import { parseArgs } from 'node:util'
import { benchIo } from './io/index.ts'

const USAGE = `npm run bench                          all of them; writes docs/benchmarks.md
npm run --silent bench -- io --json    I/O against fio; --rounds 20, --ms 500 of each measurement, --profile`

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '20' },
      ms: { type: 'string', default: '500' },
    },
  })
  const [what = 'all'] = positionals
  if (what === 'io') {
    print(
      await benchIo({
        rounds: Number(values.rounds),
        milliseconds: Number(values.ms),
        profile: values.profile,
      }),
    )
    return 0
  }
  console.error(USAGE)
  return 2
}

function print(report: object): void {
  console.log(JSON.stringify(report))
}

process.exit(await main())
