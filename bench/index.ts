// Benchmarks. Every figure that is judged is a ratio to a yardstick that was measured in the same run.
//
//   npm run bench                          all of them; writes docs/benchmarks.md
//   npm run --silent bench -- io --json    I/O against fio; --rounds N, --ms N of each measurement, --profile
import { parseArgs } from 'node:util'
import { benchFailover } from './failover/index.ts'
import { benchHeads } from './heads/index.ts'
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
      heads: { type: 'string', default: '1000' },
      paths: { type: 'string', default: '8' },
    },
  })
  const [what = 'all'] = positionals
  const rounds = Number(values.rounds)
  const milliseconds = Number(values.ms)
  switch (what) {
    case 'io':
      return print(await benchIo({ rounds, milliseconds, profile: values.profile }))
    case 'failover':
      return print(await benchFailover({ rounds, milliseconds }))
    case 'heads':
      return print(await benchHeads({ rounds, heads: Number(values.heads), paths: Number(values.paths) }))
  }
  console.error(USAGE)
  return 2
}

function print(report: object): number {
  console.log(JSON.stringify(report))
  return 0
}

process.exit(await main())
