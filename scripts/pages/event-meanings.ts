// What each event says, for docs/events.md.

export const EVENT_MEANINGS: Readonly<Record<string, string>> = {
  'path.added': 'A device became a path of its head; the event holds everything that was known about it.',
  'path.removed': 'The path left its head; selection no longer returns it.',
  'path.blocked': 'The transport holds I/O back for a while; parked I/O waits for the path.',
  'path.unblocked': 'The transport works again; parked I/O is sent.',
  'path.quiesced': 'The device takes no new I/O for now, on request.',
  'path.resumed': 'The device takes I/O again.',
  'path.wentOffline': 'The device went offline.',
  'path.transportWentOffline': 'The transport reports that the connection to the device is gone.',
  'path.cameOnline': 'The device, or the connection to it, is back.',
  'path.cancelled': 'The device is being taken away; removal follows.',
  'path.accessChanged': 'The ALUA access state or the preferred bit changed.',
  'path.suspected': 'A real I/O came back with a path error. The path is probed, and the I/O goes elsewhere.',
  'path.cleared':
    'The probe succeeded. The event has the errors since the suspicion, their I/Os, and how many were re-sent.',
  'path.failed':
    'The episode: the one event that explains every I/O re-sent because of this failure, with the first evidence.',
  'path.timerFired': "A timer that the path's machine had armed came due; `dueUs` says which one.",
  'path.probeFailed': 'The failed path did not answer its probe; the next one comes later.',
  'path.probeSucceeded': 'The failed path answered enough reads and is the same device: it is reinstated.',
  'path.disabled': 'An operator disabled the path. Nothing automatic undoes this.',
  'path.enabled': 'An operator enabled the path again.',
  'path.ioSampled': 'The I/O that was done through the path since `sinceUs`.',
  'path.episodeEnded': 'The final counts of an episode: they grew after it was recorded.',
  'path.becameMarginal': 'The path works badly; it stays usable and is used last.',
  'path.becameSteady': 'The path works well again.',
  'path.fenced':
    "The path's fence succeeded: none of its I/O can land any more, and only a new attach brings it back.",
  'path.found': 'A device was found where the path was deleted; it is not a path yet.',
  'path.transitionRefused':
    'Somebody asked for a step that the path cannot take in its state. The refused event is its cause.',
  'path.countersSet':
    'Somebody set counters of the path: the old and the new values. Samples are not affected.',
  'path.rulesSet': "The rules for the path's health from now on: checks, marginal, loss.",
  'path.checkPassed': 'A path that is well passed its check; the next check comes after a longer interval.',
  'path.checkFailed':
    'A check of a path that is well found an error. The path is suspected, and read again before it fails.',
  'path.sampled':
    'The result of the samples of a marginal path. With few enough errors it is well again; otherwise a recheck is armed.',
  'path.heldBack':
    'The path came back and does not take its I/O yet: `failback` says when. It is used if no other path is left.',
  'path.failedBack': 'The path takes its I/O again.',
  'path.overridden':
    "Every other path failed, and `restoreOnError` tries one that its operator disabled. The operator's order still stands.",
  'path.overrideEnded': "Another path is back, and the operator's order holds again.",
  'path.goingAway':
    'Somebody is detaching the device (lazily). It works until it is closed, and is used last.',
  'path.placeUnreadable':
    'A check could not read one place of the medium, but could read others: this keeps no path out.',
  'path.silent': 'The path answers nothing while another path does: new I/O and its reads go elsewhere.',
  'path.answersAgain': 'A silent path has answered an I/O: it is used as before.',
  'path.busy':
    'The path refused an I/O because it is busy: the I/O goes to another path, or waits if all are busy.',
  'path.busyEnded': 'The path takes I/O again; `times` is how often it refused some.',
  'path.lateError':
    'An attempt from before the path came back into use ended in an error: the path is not suspected because of it.',
  'path.triedAtOnce':
    'A failed path is tried before its timer, because the last usable path of its head was lost.',
  'path.capacityChanged': 'The device says that it has another size now.',
  'path.lost':
    'The engine that had the path ended without closing it. What was known about it still holds; it is absent until it is attached again.',
  'path.returned':
    'The same device as before the restart was attached again, with its health as it was. `changed` lists what differs.',
  'path.forgotten':
    'A path of the last run was given up: it was not attached again in time, or another device came.',
  'head.created': 'A LUN got its head, with the settings at that time.',
  'head.published': 'The head is visible and takes I/O.',
  'head.pathsChanged':
    'How many paths the head has: all, usable now, optimized among those, and worth waiting for. `optimized` <= ' +
    '`usable` <= `available` <= `paths`.',
  'head.ueventAsked':
    'Somebody wrote to the `uevent` of an object of sysfs; it has no other effect than this event.',
  'head.iopolicyChanged': 'The head has another I/O policy, from the next I/O on.',
  'head.noPathRetryChanged': 'What I/O does from now on if no path is usable.',
  'head.delayedRemovalChanged': 'How long the head outlives its last path from now on; 0 removes it at once.',
  'head.timerFired': "A timer that the head's machine had armed came due: `removal` or `noPath`.",
  'head.closed': 'The head was removed; I/O that waits on it ends.',
  'head.ioSampled': 'The I/O that was done through the head since `sinceUs`.',
  'head.ioTraced': 'A traced I/O has ended: all its attempts, and what its caller got.',
  'head.ioParked': 'A traced I/O found no usable path and waits for one.',
  'head.tracingChanged': 'Which I/Os of the head are traced from now on.',
  'head.drained': 'An operator ended the I/O that waited: the number of I/Os and their bytes.',
  'head.countersSet':
    'Somebody set counters of the head: the old and the new values. Samples are not affected.',
  'head.failbackSet': 'When a path that comes back takes its I/O again.',
  'head.pathPreferred':
    'The operator prefers a path, or no path any more: while it is well, all I/O goes there.',
  'head.quantumSet': 'How much round-robin sends down one path before it goes on.',
  'head.lossChanged':
    'Why there is no usable path: `allPathsDown` may pass by itself; with `permanent` no path will come back by itself.',
  'head.recovered':
    'This run restored a head of a run that ended without closing it, with its lost paths and its `timers`.',
  'head.resized': 'The LUN has grown, all its paths report the new size, and the head has grown too.',
  'head.shrinkRefused': 'A path has fewer bytes than its head. The head keeps its size: heads only grow.',
  'head.lostPathsChanged': 'A lost path came back or was given up: the new counts of paths.',
  'lun.found': 'A path found the LUN, with its size.',
  'lun.bioPoisoned':
    "A second path refused the I/O with the same error: the error is the LUN's own, and no path fails because of it.",
  'lun.flushFailed':
    'A flush failed: writes acknowledged before it may be lost. The caller has been told, once.',
  'lun.writesCovered': 'The path was flushed before it went: its writes are durable.',
  'lun.writesLeft':
    'A path is about to go, and a cache of its own has acknowledged writes that no flush has covered: they are among the writes `covered` + 1 to `acknowledged` of the LUN.',
  'lun.flushFellShort':
    'A flush could not reach a cache that holds acknowledged writes. Its caller got `NOT_DURABLE`, once.',
  'lun.ioFailed': 'An error that the target itself reported; it would be the same through every path.',
  'lun.ghostsOpened':
    'Attempts ended without proof. Their writes may still land, and newer writes that overlap wait.',
  'lun.ghostsEnded':
    'Ghosts have ended, and by which proof. `time` and `operator` are no proof, and the event says so.',
  'lun.ghostsSuperseded':
    'Ghosts that have ended for this ledger: another engine of the LUN ended them, or a ghost of the whole LUN, of the same attach, replaces them.',
  'lun.holdExpired': 'A write waited too long for a ghost; its caller got `GHOST_HOLD`.',
  'lun.pathGrouped': 'The path reaches the LUN through this target port group, as its VPD page 0x83 says.',
  'lun.pathUngrouped': 'The path has left; after the last one, nothing is known about the groups any more.',
  'lun.groupsReported':
    'What the target said about its port groups (REPORT TARGET PORT GROUPS). A group that is not listed is no longer known.',
  'lun.reportFailed': 'No path got an answer to that question; every state stays as it was.',
  'lun.senseReceived':
    'Sense data came on a path: a unit attention, or a report that its group takes no I/O now.',
  'lun.timerFired':
    "A timer of the LUN's port groups came due: `poll` asks again; `transition` makes a group that is still in transition standby.",
  'lun.waitBegan':
    'The head has no usable path, and only access states keep some out: the target is asked about their groups.',
  'lun.waitEnded':
    'The target need not be asked about the groups any more: a path is usable, or none is left.',
  'lun.groupsForgotten': 'The run that knew the port groups ended without closing; they are asked for again.',
  'reservation.adopted':
    "The LUN's storage has other reservations than this engine knew: another engine changed them.",
  'reservation.commanded':
    'A command of this engine was carried out; `kind` is the type of reservation that it names.',
  'reservation.pathRegistered': 'One more path of this engine is registered, before its first I/O.',
  'reservation.acknowledged':
    'This engine has no open write that is older than this epoch; those who wait for that may continue.',
  'reservation.settled':
    'How a command ended: GOOD, it is in force on every engine; BUSY, this is not proved; CONFLICT, another engine won.',
  'reservation.conflict':
    'An I/O was refused because of a reservation; its caller got EBADE, and no path failed.',
  'reservation.attentionsHeard': "The unit attentions of this engine's paths have been delivered.",
  'reservation.asked':
    "What this engine is about to write to the LUN's own storage, before another engine can see it.",
  'ledger.header': 'Position 1 of every ledger: what wrote it, and the hashes of its machines.',
  'ledger.segmentClosed': 'The last event of a segment: the history continues in the ledger `next`.',
  'ledger.stateCarried':
    'After the header of a segment: the state of every stream, so that the file can be read by itself.',
  'ledger.repaired':
    'This ledger is the part of a damaged one that could be proved: up to where, why not further, and how much is missing.',
  'engine.proceededWithoutRecord':
    'With `ledgerStall: continue`: gates that continued although the ledger had not taken their events in time.',
  'engine.started':
    'A run began. `unclean`: the run before did not close, and this start recovers what it left.',
  'engine.stopped': 'The run ended in order.',
  'engine.pathRefused': "A device was refused as a path; the event has the error's code.",
  'engine.ledgerDegraded': 'The ledger stopped taking events; notes wait, and gates hold their I/O.',
  'engine.ledgerRecovered':
    'The ledger takes events again: how many had waited, and how many samples were dropped.',
  'engine.adapterCountersSet': 'Somebody set counters of an adapter: the old and the new values.',
  'engine.broke': 'The engine stopped itself rather than continue with something broken.',
}
