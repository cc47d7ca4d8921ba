import AssayDomain
import AssayRegistry
import Glibc
import Synchronization

/// All unfinished uploads of a store: who has which, and when each was last used.
///
/// One process owns a store, so an upload that is not in the table is not there.
final class UploadTable: Sendable {
    /// How many uploads may be unfinished at a time.
    static let uploadsMax = 4096

    private enum State {
        case idle(UploadSession)
        /// Left by an earlier process, or by a request that failed: its file alone says what it holds.
        case stored
        case busy
    }

    private struct Entry {
        var state: State
        /// Seconds since 1970, as file times are.
        var lastUse: Int
    }

    private let entries: Mutex<[UploadID: Entry]>

    /// Starts with the uploads that were found on disk.
    init(stored: [(id: UploadID, lastUse: Int)]) {
        let entries = stored.map { ($0.id, Entry(state: .stored, lastUse: $0.lastUse)) }
        self.entries = Mutex(Dictionary(entries) { first, _ in first })
    }

    /// Adds a new upload. Throws `too-many-uploads`.
    func add(_ session: UploadSession, as id: UploadID) throws(AssayError) {
        let isAdded = entries.withLock { entries in
            guard entries.count < Self.uploadsMax else { return false }
            entries[id] = Entry(state: .idle(session), lastUse: time(nil))
            return true
        }
        guard isAdded else {
            throw AssayError(
                .tooManyUploads, "\(Self.uploadsMax) uploads are unfinished",
                remedy: "finish or cancel some, then try again")
        }
    }

    /// Gives an upload to one caller until it is given back or removed; nil for one that has to be opened from its
    /// file. Throws `upload-not-found`, `upload-busy`.
    func take(_ id: UploadID) throws -> UploadSession? {
        try entries.withLock { entries in
            switch entries[id]?.state {
            case nil: throw Self.absent(id)
            case .busy: throw Self.busy
            case .idle(let session):
                entries[id]?.state = .busy
                return session
            case .stored:
                entries[id]?.state = .busy
                return nil
            }
        }
    }

    /// How many bytes an upload has that nobody has taken; nil for one whose file alone says it.
    /// Throws `upload-not-found`, `upload-busy`.
    func size(of id: UploadID) throws -> Int64? {
        try entries.withLock { entries in
            switch entries[id]?.state {
            case nil: throw Self.absent(id)
            case .busy: throw Self.busy
            case .stored: return nil
            case .idle(let session):
                entries[id]?.lastUse = time(nil)
                return session.size
            }
        }
    }

    private static func absent(_ id: UploadID) -> AssayError {
        AssayError(.uploadNotFound, "there is no upload \(id)", remedy: "start a new upload")
    }

    private static var busy: AssayError {
        AssayError(
            .uploadBusy, "another request writes to this upload", remedy: "wait for it, then ask for the offset")
    }

    /// Takes an upload back; nil if its file alone counts from now on. One that was removed meanwhile stays removed.
    func giveBack(_ id: UploadID, _ session: UploadSession?) {
        entries.withLock { entries in
            guard entries[id] != nil else { return }
            entries[id] = Entry(state: session.map(State.idle) ?? .stored, lastUse: time(nil))
        }
    }

    func remove(_ id: UploadID) { entries.withLock { $0[id] = nil } }

    /// Removes the uploads that nobody has and nobody used for some time, and gives their names.
    func removeIdle(forSeconds seconds: Int) -> [UploadID] {
        let oldest = time(nil) - seconds
        return entries.withLock { entries in
            let idle = entries.filter { _, entry in
                if case .busy = entry.state { return false }
                return entry.lastUse < oldest
            }.map(\.key)
            for id in idle { entries[id] = nil }
            return idle
        }
    }
}
