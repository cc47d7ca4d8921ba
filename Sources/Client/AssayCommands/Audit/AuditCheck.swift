import AssayClient
import AssayDomain
import TransparencyLog

/// Recomputes a registry's audit log from its tiles and compares every entry with the registry's index.
///
/// Nothing is believed: the checkpoint's signature is checked, every hash is computed anew, and a checkpoint that was
/// kept elsewhere must be one that the log passed on its way.
struct AuditCheck: Sendable {
    /// What was found to be wrong.
    struct Fault: Encodable, Sendable {
        /// The entry; nil where the fault is of no single one.
        let index: Int64?
        let fault: String
    }

    struct Result: Encodable, Sendable {
        let origin: String
        let entryCount: Int64
        let root: String
        /// How many entries the checkpoint had that was kept; nil if none was given.
        let keptEntryCount: Int64?
        let faults: [Fault]
        /// Entries that say that they are older than the one before them: no registry writes such any more.
        let timeFaults: [Fault]
        /// Versions that hold a protected alias and would not be promoted to it today; no fault of the log.
        let unbound: [UnboundHolders.Holder]
    }

    /// Tiles that are fetched and hashed together.
    private static let batchTiles = 64
    private static let batchesAhead = 2
    private static let faultsMax = 100

    let client: AssayClient
    let trust: LogTrust
    /// A checkpoint that was kept outside of the registry.
    let kept: [UInt8]?
    let display: ProgressDisplay

    /// Looks through the whole log. Throws `untrusted-key`, `signature-invalid` and `log-inconsistent` for checkpoints
    /// that cannot be believed; what else is wrong is in the result.
    func run() async throws -> Result {
        let opened = try trust.open(try await client.logCheckpoint())
        let checkpoint = opened.checkpoint
        let kept = try kept.map { try trust.open($0).checkpoint }
        var faults = FaultList(max: Self.faultsMax)
        if let kept { try Self.check(kept, against: checkpoint, &faults) }
        async let indexFaults = client.auditFaults()
        var walk = TreeWalk(checkpoint: checkpoint, kept: kept)
        defer { display.end() }
        // Counted and not listed: how many there are is what the log states of itself.
        let batches = stride(from: Int64(0), to: checkpoint.size, by: Self.batchTiles * Tile.widthMax)
        try await withThrowingTaskGroup(of: (Int64, Batch).self) { group in
            var fetched: [Int64: Batch] = [:]
            var ahead = batches.makeIterator()
            for _ in 0..<Self.batchesAhead { if let start = ahead.next() { add(start, opened, to: &group) } }
            for start in batches {
                while fetched[start] == nil, let (position, batch) = try await group.next() {
                    fetched[position] = batch
                }
                if let next = ahead.next() { add(next, opened, to: &group) }
                guard let batch = fetched.removeValue(forKey: start) else { break }
                walk.take(batch, from: start, &faults)
                // A log that is wrong from end to end is told by where it begins to be.
                guard !faults.isFull else { break }
                display.show(
                    ProgressState(
                        label: "checking entries", done: start, total: checkpoint.size, isBytes: false))
            }
        }
        if !faults.isFull { try await walk.finish(&faults) { try await client.logTile($0.path) } }
        let unbound = try await UnboundHolders(client: client).find()
        for fault in try await indexFaults + unbound.faults { faults.add(nil, Printable.escape(fault)) }
        return Result(
            origin: checkpoint.origin, entryCount: checkpoint.size, root: Hex.encode(checkpoint.root.bytes),
            keptEntryCount: kept?.size, faults: faults.items, timeFaults: walk.timeFaults.items,
            unbound: unbound.holders)
    }

    private static func check(_ kept: Checkpoint, against now: Checkpoint, _ faults: inout FaultList) throws {
        guard kept.origin == now.origin else {
            throw AssayError(
                .logInconsistent, "the checkpoint that was kept is of another log",
                reason: "it is of \(Printable.quote(kept.origin, limit: 80))")
        }
        guard kept.size > now.size else { return }
        faults.add(
            now.size,
            "the log was rolled back: it has \(now.size) entries, and had \(kept.size) when the checkpoint was kept")
    }

    private func add(
        _ start: Int64, _ opened: LogTrust.Opened, to group: inout ThrowingTaskGroup<(Int64, Batch), any Error>
    ) {
        group.addTask { (start, try await Batch.fetch(from: start, of: opened, client: client)) }
    }

    /// Some tiles' worth of entries, hashed.
    struct Batch: Sendable {
        /// The hashes of the entries themselves.
        var leaves: [MerkleHash] = []
        /// What the entries say of when they were made; nil for one that does not say it.
        var times: [EntryTime?] = []
        /// What the log's hash tiles say of them.
        var stored: [UInt8] = []
        /// What the index's rows give.
        var facts: [UInt8] = []
        /// Tiles that could not be read.
        var damaged: [(index: Int64, fault: String)] = []

        static func fetch(
            from start: Int64, of opened: LogTrust.Opened, client: AssayClient
        ) async throws -> Batch {
            let checkpoint = opened.checkpoint
            let count = Int(min(Int64(batchTiles * Tile.widthMax), checkpoint.size - start))
            async let facts = client.auditFacts(from: start, count: count)
            var batch = Batch()
            let hasher = MerkleHasher()
            for index in stride(from: start, to: start + Int64(count), by: Tile.widthMax) {
                guard let bundle = Tile.holding(index, .entries, size: checkpoint.size),
                    let hashes = Tile.holding(index, .hashes(level: 0), size: checkpoint.size)
                else { break }
                async let stored = tile(hashes, client)
                let entries = try await tile(bundle, client).flatMap { EntryBundle.entries($0, count: bundle.width) }
                if let entries {
                    batch.leaves += entries.map { hasher.leaf($0) }
                    batch.damaged += opened.key.faults(in: entries, from: index)
                    batch.times += entries.map { EntryTime(in: $0) }
                } else {
                    batch.damaged.append((index, "the entries from here on cannot be read"))
                    batch.leaves += [MerkleHash](repeating: MerkleHasher.emptyRoot, count: bundle.width)
                    batch.times += [EntryTime?](repeating: nil, count: bundle.width)
                }
                let bytes = try await stored ?? []
                if bytes.count != hashes.width * MerkleHash.byteCount {
                    batch.damaged.append((index, "the hashes of the entries from here on cannot be read"))
                }
                let width = hashes.width * MerkleHash.byteCount
                batch.stored += bytes.prefix(width) + [UInt8](repeating: 0, count: max(0, width - bytes.count))
            }
            batch.facts = try await facts
            return batch
        }

        /// A tile; nil if the server cannot give it.
        private static func tile(_ tile: Tile, _ client: AssayClient) async throws -> [UInt8]? {
            do {
                return try await client.logTile(tile.path)
            } catch let error as AssayError
                where [.notFound, .integrity, .internal, .storage, .tooLarge].contains(error.code.kind)
            {
                return nil
            }
        }
    }
}

/// The time of an entry as it is written: all have one form and one length, so their bytes stand in the order of time.
struct EntryTime: Sendable, Comparable {
    private static let name = Array(#","at":""#.utf8)
    private static let byteCount = 24

    private let bytes: ArraySlice<UInt8>

    /// Nil if the entry has none. Within a text every quote has a backslash, so the name stands where the field begins.
    init?(in entry: ArraySlice<UInt8>) {
        var rest = entry
        while let comma = rest.firstIndex(of: Self.name[0]) {
            rest = rest[comma...]
            if rest.starts(with: Self.name) {
                bytes = rest.dropFirst(Self.name.count).prefix(Self.byteCount)
                guard bytes.count == Self.byteCount, bytes.last == UInt8(ascii: "Z") else { return nil }
                return
            }
            rest = rest.dropFirst()
        }
        return nil
    }

    /// Whether it is after a moment.
    func isAfter(_ time: Timestamp) -> Bool { Array(time.description.utf8).lexicographicallyPrecedes(bytes) }

    static func < (left: EntryTime, right: EntryTime) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// Faults up to a limit.
struct FaultList {
    private let max: Int
    private(set) var items: [AuditCheck.Fault] = []

    init(max: Int) { self.max = max }

    /// Whether no further fault is kept.
    var isFull: Bool { items.count >= max }

    mutating func add(_ index: Int64?, _ fault: String) {
        if items.count < max { items.append(AuditCheck.Fault(index: index, fault: fault)) }
    }
}

/// The tree as it grows entry by entry, compared with what the log says of it.
private struct TreeWalk {
    private let checkpoint: Checkpoint
    private let kept: Checkpoint?
    private let hasher = MerkleHasher()
    private var frontier = MerkleFrontier()
    /// Hashes of the levels of tiles above the first.
    private var upper: [[MerkleHash]] = []
    private var lastTime: EntryTime?
    private(set) var timeFaults = FaultList(max: 100)

    init(checkpoint: Checkpoint, kept: Checkpoint?) {
        self.checkpoint = checkpoint
        self.kept = kept
    }

    mutating func take(_ batch: AuditCheck.Batch, from start: Int64, _ faults: inout FaultList) {
        for (index, fault) in batch.damaged { faults.add(index, fault) }
        for (offset, time) in batch.times.enumerated() {
            guard let time else { continue }
            if let lastTime, time < lastTime {
                timeFaults.add(start + Int64(offset), "its time is before that of the entry before it")
            }
            lastTime = time
        }
        for (offset, leaf) in batch.leaves.enumerated() {
            let index = start + Int64(offset)
            let place = (offset * MerkleHash.byteCount)..<((offset + 1) * MerkleHash.byteCount)
            if !leaf.equals(batch.stored, place) { faults.add(index, "the entry is not the one that was hashed") }
            if !leaf.equals(batch.facts, place) { faults.add(index, "the index has not this fact, or has another") }
            append(leaf)
            if let kept, kept.size == frontier.size, frontier.root(hasher) != kept.root {
                faults.add(nil, "the first \(kept.size) entries are not those of the checkpoint that was kept")
            }
        }
    }

    private mutating func append(_ leaf: MerkleHash) {
        var new: [(level: Int, hash: MerkleHash)] = []
        frontier.append(leaf, hasher) { level, hash in if level > 0 { new.append((level, hash)) } }
        for (level, hash) in new {
            while upper.count < level { upper.append([]) }
            upper[level - 1].append(hash)
        }
    }

    /// Compares the root, and the tiles of the upper levels.
    func finish(_ faults: inout FaultList, tile: (Tile) async throws -> [UInt8]) async throws {
        if frontier.root(hasher) != checkpoint.root {
            faults.add(nil, "the entries do not lead to the root of the checkpoint")
        }
        for (position, hashes) in upper.enumerated() {
            for start in stride(from: 0, to: hashes.count, by: Tile.widthMax) {
                guard
                    let name = Tile.holding(Int64(start), .hashes(level: position + 1), size: checkpoint.size)
                else { continue }
                let expected = hashes[start..<min(hashes.count, start + Tile.widthMax)].flatMap(\.bytes)
                let found = try? await tile(name)  // Whatever keeps it from being read, it is not there.
                if found != expected { faults.add(nil, "tile \(name.path) is not made of the tiles below it") }
            }
        }
    }
}

extension LogTrust.Key {
    /// Entries of repositories that the key does not speak for; only a key with limits has to be asked.
    fileprivate func faults(in entries: [ArraySlice<UInt8>], from first: Int64) -> [(index: Int64, fault: String)] {
        guard isLimited else { return [] }
        return entries.enumerated().compactMap { offset, bytes in
            do throws(AssayError) {
                try check(speaksFor: try AuditEntry(parsing: Array(bytes)))
                return nil
            } catch {
                return (first + Int64(offset), error.message)
            }
        }
    }
}

extension MerkleHash {
    /// Whether a part of some bytes is this hash.
    fileprivate func equals(_ bytes: [UInt8], _ place: Range<Int>) -> Bool {
        guard place.upperBound <= bytes.count else { return false }
        return withUnsafeBytes { mine in bytes[place].withUnsafeBytes { mine.elementsEqual($0) } }
    }
}
