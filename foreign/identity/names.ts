// Two passes: the first collects who is who with the interval in which it held, the second asks.
import { pathsOfTable } from '../templates/dm-table.ts'
import type { Placed } from '../types.ts'
import { Bindings } from './bindings.ts'
import { devOf, devtOf, isWwid, wwidOf } from './spell.ts'

type Fields = Readonly<Record<string, string>>

/** What is known of a path at a place on the time line. */
export interface PathName {
  readonly map: string | null
  readonly wwid: string | null
  readonly hctl: string | null
  readonly dev: string | null
  readonly devt: string | null
}

export interface MapName {
  readonly map: string | null
  readonly wwid: string | null
  readonly dm: string | null
}

export class Names {
  readonly #hctl = new Bindings()
  readonly #dev = new Bindings()
  readonly #map = new Bindings()
  readonly #wwidOfMap = new Bindings()
  readonly #wwidOfDev = new Bindings()
  readonly #dmOfMap = new Bindings()
  readonly #mapOfDm = new Bindings()
  readonly #mapOfDmDevt = new Bindings()
  readonly #hostOfPci = new Map<string, string>()
  readonly #sessions = new Map<string, string>()
  readonly #rports = new Map<string, Set<string>>()
  readonly #subsystems = new Map<string, string>()
  /** Devices that the kernel was about to take away. */
  readonly #going = new Set<string>()

  /** First pass: takes one statement at its place. Places never go back. */
  learn({ statement, atUs, device, program }: Placed, at: number): void {
    const { says, fields } = statement
    const undated = program === 'snapshot' && atUs === null
    this.#path(fields, undated ? null : at, says, device)
    this.#mapNames(fields, undated ? null : at)
    if (says === 'tableLoaded') this.#table(fields, at)
    this.#ends(says, fields, at)
    this.#ports(fields)
  }

  #path(fields: Fields, at: number | null, says: string, device: string | null): void {
    const devt = keyOf(fields)
    const hctl = hctlIn(fields, device)
    if (devt === null) return
    if (hctl !== null) {
      this.#put(this.#hctl, devt, at, hctl)
      this.#put(this.#dev, hctl, at, devt)
    }
    if (fields.map !== undefined && says !== 'pathRemoved') this.#put(this.#map, devt, at, fields.map)
    else if (fields.map !== undefined && at !== null && this.#map.at(devt, at) === null)
      this.#map.state(devt, at, fields.map)
    this.#ownWwid(fields, at, says, devt)
  }

  #ownWwid(fields: Fields, at: number | null, says: string, devt: string): void {
    if (says === 'wwidChanged' && fields.to !== undefined && at !== null) {
      // Until this line it was the other LUN, whoever else has said so.
      if (fields.from !== undefined) this.#wwidOfDev.state(devt, at, wwidOf(fields.from))
      this.#wwidOfDev.state(devt, at + 1, wwidOf(fields.to))
    } else if (says === 'snapPath' && fields.wwid !== undefined)
      this.#put(this.#wwidOfDev, devt, at, wwidOf(fields.wwid))
  }

  #put(bindings: Bindings, key: string, at: number | null, value: string): void {
    if (at === null) bindings.undated(key, value)
    else bindings.state(key, at, value)
  }

  #mapNames(fields: Fields, at: number | null): void {
    const { map, dm, dmDevt } = fields
    if (map === undefined) return
    if (fields.wwid !== undefined) this.#put(this.#wwidOfMap, map, at, wwidOf(fields.wwid))
    if (dm !== undefined) {
      this.#put(this.#dmOfMap, map, at, dm)
      this.#put(this.#mapOfDm, dm, at, map)
    }
    if (dmDevt !== undefined) this.#put(this.#mapOfDmDevt, dmDevt, at, map)
  }

  #table({ map = '', table = '' }: Fields, at: number): void {
    for (const devt of pathsOfTable(table).paths) this.#map.state(devt, at, map)
  }

  #ends(says: string, fields: Fields, at: number): void {
    const devt = keyOf(fields)
    if (devt !== null && says === 'goingAway') this.#going.add(devt)
    if (devt === null || (says !== 'pathRemoved' && says !== 'diskGone')) return
    if (says === 'pathRemoved') this.#map.end(devt, at + 1)
    if (says === 'diskGone' || this.#going.delete(devt)) this.#hctl.end(devt, at + 1)
  }

  #ports(fields: Fields): void {
    const hostOfPath = fields.hctl?.split(':')[0]
    if (fields.pci !== undefined && fields.host !== undefined) this.#hostOfPci.set(fields.pci, fields.host)
    const host = fields.host ?? hostOfPath
    if (fields.sid !== undefined && host !== undefined) this.#sessions.set(host, fields.sid)
    if (fields.rport !== undefined && hostOfPath !== undefined) this.#rport(fields.rport, fields.hctl ?? '')
    if (fields.ctrl !== undefined && fields.subsystem !== undefined)
      this.#subsystems.set(fields.ctrl, fields.subsystem)
    if (fields.adapter !== undefined && fields.dev !== undefined)
      this.adapters.set(keyOf(fields) ?? '', fields.adapter)
  }

  /** `host_adapter` of snapshots, by device: with an address of the device it tells an adapter's host. */
  readonly adapters = new Map<string, string>()

  #rport(rport: string, hctl: string): void {
    const target = hctl.split(':').slice(0, 3).join(':')
    this.#rports.set(rport, (this.#rports.get(rport) ?? new Set()).add(target))
  }

  /** After the first pass: adapters that only a device of theirs ties to a host. */
  settle(at: number): void {
    for (const [devt, pci] of this.adapters) {
      const host = this.#hctl.at(devt, at)?.split(':')[0]
      if (host !== undefined && !this.#hostOfPci.has(pci)) this.#hostOfPci.set(pci, host)
    }
  }

  /** Who the path of these fields was. What is written in the line stands before what is known. */
  path(fields: Fields, device: string | null, at: number): PathName {
    const written = hctlIn(fields, device)
    const devt = keyOf(fields) ?? ask(this.#dev, written, at)
    const hctl = written ?? ask(this.#hctl, devt, at)
    const dev = fields.dev ?? (devt === null ? null : devOf(devt))
    const map = fields.map ?? ask(this.#map, devt, at) ?? ask(this.#mapOfDmDevt, fields.dmDevt ?? null, at)
    const ofMap = map === null ? null : this.map(map, at).wwid
    return { map, wwid: ofMap ?? ask(this.#wwidOfDev, devt, at), hctl, dev, devt }
  }

  map(map: string, at: number): MapName {
    const wwid = this.#wwidOfMap.at(map, at) ?? (isWwid(map) ? wwidOf(map) : null)
    return { map, wwid, dm: this.#dmOfMap.at(map, at) }
  }

  /** The map that a dm device was; null where no line says so. */
  mapOfDm(dm: string, at: number): string | null {
    return this.#mapOfDm.at(dm, at)
  }

  mapOfDmDevt(dmDevt: string, at: number): string | null {
    return this.#mapOfDmDevt.at(dmDevt, at)
  }

  hostOfPci(pci: string): string | null {
    return this.#hostOfPci.get(pci) ?? null
  }

  sessionOfHost(host: string): string | null {
    return this.#sessions.get(host) ?? null
  }

  /** The remote ports that are known to be the way to an H:C:I:L. */
  rportsOf(hctl: string): string[] {
    const target = hctl.split(':').slice(0, 3).join(':')
    return [...this.#rports].filter(([, targets]) => targets.has(target)).map(([rport]) => rport)
  }

  subsystemOf(ctrl: string): string | null {
    return this.#subsystems.get(ctrl) ?? null
  }
}

function ask(bindings: Bindings, key: string | null, at: number): string | null {
  return key === null ? null : bindings.at(key, at)
}

/** The address that a line has, in its text or beside it. */
function hctlIn(fields: Fields, device: string | null): string | null {
  return fields.hctl ?? /^\+scsi:(\d+:\d+:\d+:\d+)$/.exec(device ?? '')?.[1] ?? null
}

/** A device's number, by which it is known here. */
export function keyOf(fields: Fields): string | null {
  if (fields.devt !== undefined) return fields.devt
  return fields.dev === undefined ? null : devtOf(fields.dev)
}
