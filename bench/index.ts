// Benchmarks. Every figure that is judged is a ratio to a yardstick that was measured in the same run.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../errors.ts'
import { benchFailover } from './failover/index.ts'
import { benchHeads } from './heads/index.ts'
import { benchIo } from './io/index.ts'
import { isRatioName, type RatioName } from './io/rounds.ts'
import { benchmarksPage } from './page.ts'
import { benchLedger } from './ledger/index.ts'
import { ledgerPage } from './ledger/page.ts'
import { soak } from './soak/index.ts'

const USAGE = `Examples (root, and quiet processors):
  npm run bench                           all of them, some 20 minutes; writes docs/benchmarks.md
  npm run --silent bench -- io --json     I/O against fio: {"randread_qd32_vs_fio": ...}
  npm run bench -- io --profile           and where the time of one I/O goes
  npm run bench -- io --only qd1_vs_fio_psync,head_vs_raw_backend
                                          some of the figures
  npm run bench -- failover               what a failover and a hung path cost
  npm run bench -- heads                  many heads in one process, and their recovery (without root)
  npm run bench -- ledger --events 1e6    appends, replay, audits on a long ledger (without root)
  npm run bench -- ledger --page          the same on ten million events; writes docs/benchmarks-ledger.md
  npm run bench -- soak --minutes 10      nothing may grow; exit 1 when something does

--rounds 20   paired rounds      --ms 500      of each measurement
--heads 1000  --paths 8          --minutes 10  of the soak
--json        one line; else the same, indented`

const PAGE = join(import.meta.dirname, '../docs/benchmarks.md')
const LEDGER_PAGE = join(import.meta.dirname, '../docs/benchmarks-ledger.md')

const OPTIONS = {
  json: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
  page: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  only: { type: 'string', default: '' },
  rounds: { type: 'string', default: '20' },
  ms: { type: 'string', default: '500' },
  heads: { type: 'string', default: '1000' },
  paths: { type: 'string', default: '8' },
  minutes: { type: 'string', default: '10' },
  events: { type: 'string', default: '1e7' },
} as const

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS })
  const [what = 'all'] = positionals
  const number = (name: 'rounds' | 'ms' | 'heads' | 'paths' | 'minutes' | 'events') => {
    const value = Number(values[name])
    if (value > 0) return value
    throw new Error(`--${name} takes a number above 0`)
  }
  const io = () =>
    benchIo({
      rounds: number('rounds'),
      milliseconds: number('ms'),
      profile: values.profile || what === 'all',
      only: figures(values.only),
    })
  const failover = () => benchFailover({ rounds: number('rounds'), milliseconds: number('ms') })
  const heads = () => benchHeads({ rounds: number('rounds'), heads: number('heads'), paths: number('paths') })
  const soaking = () => soak({ minutes: number('minutes') })
  const print = (report: object) => console.log(JSON.stringify(report, null, values.json ? 0 : 2))
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  switch (what) {
    case 'all': {
      const reports = {
        io: await io(),
        failover: await failover(),
        heads: await heads(),
        soak: await soaking(),
      }
      writeFileSync(PAGE, await benchmarksPage(reports))
      print(reports)
      return reports.soak.flat ? 0 : 1
    }
    case 'io':
      print(await io())
      return 0
    case 'failover':
      print(await failover())
      return 0
    case 'heads':
      print(await heads())
      return 0
    case 'ledger': {
      const report = await benchLedger({ events: number('events') })
      if (values.page) writeFileSync(LEDGER_PAGE, await ledgerPage(report))
      print(report)
      return 0
    }
    case 'soak': {
      const report = await soaking()
      print(report)
      return report.flat ? 0 : 1
    }
    default:
      console.error(USAGE)
      return 2
  }
}

function figures(list: string): RatioName[] {
  const names = list.split(',').filter((name) => name !== '')
  return names.map((name) => {
    if (isRatioName(name)) return name
    throw new Error(`--only: there is no figure ${name}`)
  })
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(messageOf(error))
  process.exitCode = 1
}
// What a benchmark left open must not keep the process.
process.exit()
