import AssayDomain
import AssayRegistry
import CFileSystem
import Glibc
import NIOPosix
import Synchronization

/// Gives finished uploads their final names, durably; those that come while a flush runs share the next one.
///
/// A flush costs about the same for one small file as for many, so under load the disk is asked once for all that wait
/// instead of twice for each. Nobody is answered before the flush that covers its blob.
final class BlobPublisher: Sendable {
    /// The most blobs of one flush.
    private static let batchMax = 64

    /// File systems of which it is known that a flush of all of it covers each file and tells of failures: ext4, XFS,
    /// Btrfs, F2FS. What lies between, such as FUSE or an overlay, may not pass it on.
    ///
    /// Source: the magic numbers of Linux, statfs(2).
    private static let flushableFileSystems: Set<Int> = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010]

    private struct Draft: Sendable {
        let digest: Digest
        let path: String
        /// Writes what is missing of the file and opens it.
        let complete: @Sendable () throws -> OpenFile
        let continuation: CheckedContinuation<OpenFile, any Error>
    }

    private let layout: FileLayout
    private let threads: NIOThreadPool
    private let root: OpenFile
    private let canFlushTogether: Bool
    private let queue = GatheringQueue<Draft>(batchMax: batchMax)
    /// Keeps a blob that comes and one that is set aside apart.
    private let renames = Mutex(())
    private let hasFailed = Atomic<Bool>(false)

    init(_ layout: FileLayout, threads: NIOThreadPool) throws(AssayError) {
        self.layout = layout
        self.threads = threads
        guard let root = try OpenFile(existing: layout.root, flags: O_RDONLY | O_DIRECTORY) else {
            throw AssayError(.storageFailed, "the store's folder is gone")
        }
        self.root = root
        canFlushTogether = Self.flushableFileSystems.contains(assay_file_system_type(layout.root))
    }

    /// Whether flushes still succeed. Nobody knows what a disk holds after a failed one, so it is never tried again.
    var isWritable: Bool { !hasFailed.load(ordering: .acquiring) }

    /// Ends all writes until the process starts anew.
    func endWrites() { hasFailed.store(true, ordering: .releasing) }

    /// Throws `storage-failed` after a failed flush.
    func checkWritable() throws(AssayError) {
        guard isWritable else {
            throw AssayError(
                .storageFailed, "the store takes no writes", reason: "a flush to disk failed",
                remedy: "check the disk, then restart the server")
        }
    }

    /// Makes the file at `path` the blob `digest`, and gives it; durable when this returns. A blob that is there is
    /// replaced.
    ///
    /// `complete` runs on the thread that publishes, which others wait for: it does little.
    func publish(
        _ digest: Digest, from path: String, _ complete: @escaping @Sendable () throws -> OpenFile
    ) async throws -> OpenFile {
        try await withCheckedThrowingContinuation { continuation in
            let mustStart = queue.add(
                Draft(digest: digest, path: path, complete: complete, continuation: continuation))
            if mustStart { threads.submit { _ in self.run() } }
        }
    }

    /// Lets nothing come or go under a blob's name while `body` runs.
    func withNamesHeld<Value>(_ body: () throws -> Value) rethrows -> Value {
        try renames.withLock { _ in try body() }
    }

    private func run() {
        while let batch = queue.next() {
            var files: [(draft: Draft, file: OpenFile)] = []
            for draft in batch {
                do {
                    try checkWritable()
                    files.append((draft, try draft.complete()))
                } catch {
                    conclude(draft, .failure(error))
                }
            }
            if files.count > 1, canFlushTogether { files = publishTogether(files) }
            for (draft, file) in files {
                conclude(
                    draft,
                    Result {
                        try checkWritable()
                        return try publishAlone(draft, file)
                    })
            }
        }
    }

    private func conclude(_ draft: Draft, _ result: Result<OpenFile, any Error>) {
        if case .failure(let error) = result, (error as? AssayError)?.code == .storageFailed { endWrites() }
        draft.continuation.resume(with: result)
    }

    /// Bytes first, then the name, each flushed by itself: the order that may replace a blob which is there.
    private func publishAlone(_ draft: Draft, _ file: OpenFile) throws -> OpenFile {
        let folder = layout.folder(of: draft.digest)
        try layout.makeFolder(folder)
        try SystemCall.check("fchmod") { fchmod(file.descriptor, 0o444) }
        try SystemCall.flush("fsync") { fsync(file.descriptor) }
        try renames.withLock { _ throws(AssayError) in
            _ = try SystemCall.check("rename") { rename(draft.path, layout.blob(draft.digest)) }
        }
        try FileLayout.flushFolder(folder)
        return file
    }

    /// All names, then one flush of everything; gives back those whose names were taken.
    ///
    /// Only names that are free are taken: if the power fails before the flush, a blob may be there without its bytes,
    /// but none that was whole is lost, and no index row says yet that it is there.
    private func publishTogether(_ batch: [(draft: Draft, file: OpenFile)]) -> [(draft: Draft, file: OpenFile)] {
        var named: [(draft: Draft, file: OpenFile)] = []
        var others: [(draft: Draft, file: OpenFile)] = []
        for (draft, file) in batch {
            do {
                if try takeFreeName(draft, file) { named.append((draft, file)) } else { others.append((draft, file)) }
            } catch {
                conclude(draft, .failure(error))
            }
        }
        guard !named.isEmpty else { return others }
        let flushed: Result<Void, any Error> = Result {
            try SystemCall.flush("syncfs") { assay_flush_file_system(root.descriptor) }
        }
        for (draft, file) in named { conclude(draft, flushed.map { file }) }
        return others
    }

    private func takeFreeName(_ draft: Draft, _ file: OpenFile) throws -> Bool {
        try layout.makeFolder(layout.folder(of: draft.digest))
        try SystemCall.check("fchmod") { fchmod(file.descriptor, 0o444) }
        return try renames.withLock { _ in
            if assay_rename_new(draft.path, layout.blob(draft.digest)) == 0 { return true }
            // Where it is taken, or the file system cannot rename so, the careful way is open.
            guard errno == EEXIST || errno == EINVAL else { throw SystemCall.failure("renameat2", errno) }
            return false
        }
    }
}
