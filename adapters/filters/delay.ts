// The delay filter: I/O waits before it goes on to the path. Manual: docs/filters/delay.md.
import { checkFields } from '../../errors/arguments.ts'
import { checkDevice } from '../scsi/device-shape.ts'
import type { Clock, FilterControl, IoDone, IoRequest, PathDevice } from '../ports.ts'
import { actsOn, checkOp, checkSetting, extendSwitch, filterSwitch, wrapPath } from './wrap.ts'
import type { Filtered, FilteredOp } from './wrap.ts'

/** Which I/O waits, and how long. */
export interface DelaySettings {
  /** Microseconds from the submit here to the submit on the path within. */
  readonly delayUs: number
  readonly op: FilteredOp
}

/** The switch of a delay filter, and its count. */
export interface DelayControl extends FilterControl<DelaySettings> {
  /** I/Os that wait now. */
  readonly waiting: number
}

/** What a delay filter is handed. */
export interface DelayPorts {
  readonly clock: Clock
}

/**
 * Puts a delay filter around `inner`, off unless `active`. While on, matching I/O is forwarded `delayUs` later;
 * I/Os of equal delay keep their order, and what waits keeps its delay when the filter is switched off.
 * Throws FILTER_SETTING for a delay that cannot be.
 */
export function delayFilter(
  inner: PathDevice,
  settings: Pick<DelaySettings, 'delayUs'> & Partial<DelaySettings> & { readonly active?: boolean },
  ports: DelayPorts,
): Filtered<DelayControl> {
  checkDevice('delayFilter', inner)
  checkFields('delayFilter', 'settings', settings, { active: 'flag?' })
  const { active = false, ...given } = settings
  checkFields('delayFilter', 'ports', ports, { clock: 'clock' })
  const { clock } = ports
  let waiting = 0
  const onOff = filterSwitch<DelaySettings>({ settings: { op: 'all', ...given }, active, check })

  function submit(request: IoRequest, done: IoDone): void {
    const { op, delayUs } = onOff.settings
    if (!onOff.active || !actsOn(op, request)) {
      inner.submit(request, done)
      return
    }
    waiting += 1
    clock.setTimer(clock.monoUs() + delayUs, () => {
      waiting -= 1
      inner.submit(request, done)
    })
  }

  const counts = {
    get waiting() {
      return waiting
    },
  }
  return { path: wrapPath(inner, submit), control: extendSwitch(onOff, counts) }
}

function check({ delayUs, op }: DelaySettings): void {
  checkOp('delay', op)
  checkSetting(
    Number.isSafeInteger(delayUs) && delayUs >= 0,
    'delay',
    'delayUs',
    delayUs,
    'an integer of 0 or more',
  )
}
