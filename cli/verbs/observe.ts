// `pathledger observe`: a live host into a ledger of observations. It reads; it opens no device.
import { hostname } from 'node:os'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { XSTATE_VERSION } from '../../doors/ledger.ts'
import { systemClock, VERSION } from '../../index.ts'
import { observe } from '../../observe/run.ts'
import { hostWorld } from '../../observe/host.ts'
import { observationWords } from '../show/observed.ts'
import { oneLine } from '../show/describe-event.ts'
import { isoOf } from '../moment.ts'
import { parseObject } from '../text.ts'
import { usageError } from '../failure.ts'
import { withExamples, withJson } from '../verb.ts'
import type { Cli } from '../verb.ts'

interface Options {
  readonly once?: true
  readonly evenOnWatched?: true
  readonly unit?: true
  readonly json?: true
}

/** For `systemctl edit --full --force pathledger-observe.service`. It may read, and write where its ledger lies. */
const UNIT = `[Unit]
Description=pathledger: what multipath does on this host, on a ledger
Documentation=man:multipathd(8)
After=systemd-journald.service

[Service]
ExecStart=/usr/bin/env pathledger observe /var/lib/pathledger/observed.ledger
StateDirectory=pathledger
Restart=on-failure
RestartSec=5
KillSignal=SIGTERM
# It reads logs and sysfs, and no device: it cannot even if it wanted to.
PrivateDevices=no
DeviceAllow=/dev/kmsg r
DevicePolicy=closed
CapabilityBoundingSet=CAP_SYSLOG CAP_DAC_READ_SEARCH
AmbientCapabilities=CAP_SYSLOG
SupplementaryGroups=systemd-journal adm
ProtectSystem=strict
ProtectHome=yes
NoNewPrivileges=yes
MemoryMax=512M

[Install]
WantedBy=multi-user.target
`

export function addObserve(program: Command, { io }: Cli): void {
  const command = program
    .command('observe')
    .description(
      'Watch this host: kernel log, journal, uevents, sysfs and multipathd, into a ledger of observations, until Ctrl-C.\n' +
        'No device is opened and nothing is changed. Without root as far as it goes: what cannot be read is on the ledger.',
    )
    .argument('[ledger]', 'the ledger to make or to go on with, on a disk that is not watched')
    .option('--once', 'take one look, for a ticket, and end')
    .option('--even-on-watched', 'keep the ledger on a map that is watched: it hangs when that does')
    .option('--unit', 'print a systemd unit and end')
    .action(async (ledger: string | undefined, options: Options) => {
      if (options.unit === true) {
        await io.out(UNIT)
        return
      }
      if (ledger === undefined)
        throw usageError('Which ledger?', 'What is seen has to be kept.', 'Name a file, or say --unit.')
      const watching = observe(ledger, hostWorld({ clock: systemClock, host: hostname(), boot: bootId() }), {
        ...{ engine: VERSION, xstate: XSTATE_VERSION },
        ...(options.once === true ? { once: true } : {}),
        ...(options.evenOnWatched === true ? { evenOnWatched: true } : {}),
        onRows: (rows) => {
          for (const { recordedAtUs, stream, type, data } of rows) {
            const told = { at: isoOf(recordedAtUs), stream, type, data: parseObject(data) }
            void io.out(
              options.json === true
                ? `${JSON.stringify(told)}\n`
                : `${told.at}  ${oneLine(stream)}  ${type}  ${oneLine(observationWords(told.data))}\n`,
            )
          }
        },
      })
      const stop = (): void => watching.stop()
      process.once('SIGINT', stop).once('SIGTERM', stop)
      await watching.ended.finally(() => void process.off('SIGINT', stop).off('SIGTERM', stop))
    })
  withJson(command, 'one object per line')
  withExamples(command, [
    [
      'pathledger observe /var/lib/pathledger/observed.ledger',
      'until Ctrl-C, each event as it is on the ledger',
    ],
    ['pathledger observe --once ticket.ledger', 'how it is now, for a ticket'],
    ['pathledger observe --unit > /etc/systemd/system/pathledger-observe.service', 'as a service'],
  ])
}

/** As journals write it, so that lines of both are of one boot. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '')
  } catch {
    return 'unknown'
  }
}
