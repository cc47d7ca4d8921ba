import AssayDomain
import AssayRegistry
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
        /// By `uptime`.
        var lastUse: Duration
    }

    /// A quarter of its time is left to an upload that an earlier process left, however old its file says that it is.
    private static let storedShareMax = 0.75

    private let entries: Mutex<[UploadID: Entry]>
    private let expiry: Duration
    private let uptime: @Sendable () -> Duration

    /// Starts with the uploads that were found on disk, and how old their files are by the time of day.
    ///
    /// What is unused for `expiry` is given up. `uptime` is a time that nobody sets: a clock that is set ends no
    /// upload.
    init(stored: [(id: UploadID, age: Duration)], expiry: Duration, uptime: @escaping @Sendable () -> Duration) {
        let now = uptime()
        let entries = stored.map { upload in
            let age = max(.zero, min(upload.age, expiry * Self.storedShareMax))
            return (upload.id, Entry(state: .stored, lastUse: now - age))
        }
        self.entries = Mutex(Dictionary(entries) { first, _ in first })
        self.expiry = expiry
        self.uptime = uptime
    }

    /// Adds a new upload. Throws `too-many-uploads`.
    func add(_ session: UploadSession, as id: UploadID) throws(AssayError) {
        let isAdded = entries.withLock { entries in
            guard entries.count < Self.uploadsMax else { return false }
            entries[id] = Entry(state: .idle(session), lastUse: uptime())
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
            case .stored:
                entries[id]?.lastUse = uptime()
                return nil
            case .idle(let session):
                entries[id]?.lastUse = uptime()
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
            entries[id] = Entry(state: session.map(State.idle) ?? .stored, lastUse: uptime())
        }
    }

    func remove(_ id: UploadID) { entries.withLock { $0[id] = nil } }

    /// Removes the uploads that nobody has and nobody used until they expired, and gives their names.
    func removeExpired() -> [UploadID] { removeIdle(since: uptime() - expiry) }

    /// Removes the uploads that nobody has, and gives their names.
    func removeIdle() -> [UploadID] { removeIdle(since: uptime()) }

    private func removeIdle(since oldest: Duration) -> [UploadID] {
        entries.withLock { entries in
            let idle = entries.filter { _, entry in
                if case .busy = entry.state { return false }
                return entry.lastUse <= oldest
            }.map(\.key)
            for id in idle { entries[id] = nil }
            return idle
        }
    }
}
