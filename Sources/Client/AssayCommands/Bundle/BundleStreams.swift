import AssayArchive
import AssayBundle
import AssayClient
import AssayDomain
import Synchronization

/// Reads a local file from its start, and stops when it is told to.
final class FileInput: ByteInput {
    private let file: LocalFile
    private let stop: StopFlag
    private var position: Int64 = 0

    init(_ file: LocalFile, stop: StopFlag) {
        self.file = file
        self.stop = stop
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if stop.isSet { throw CancellationError() }
        let count = Int(min(Int64(buffer.count), file.size - position))
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: position)
        position += Int64(count)
        return count
    }
}

/// A local file as a bundle. Every read of it stops when it is told to.
struct FileBundle: BundleSource {
    let file: LocalFile
    let stop: StopFlag

    func makeInput() -> any ByteInput { FileInput(file, stop: stop) }

    func read(_ count: Int, at offset: Int64) throws -> [UInt8] {
        if stop.isSet { throw CancellationError() }
        var bytes = [UInt8](repeating: 0, count: count)
        let outcome = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(AssayError) in try file.read(into: buffer, at: offset) }
        }
        try outcome.get()
        return bytes
    }
}

/// Carries a cancellation to work on another thread.
final class StopFlag: Sendable {
    private let state = Atomic(false)

    var isSet: Bool { state.load(ordering: .relaxed) }

    func set() { state.store(true, ordering: .relaxed) }
}

/// Writes to a file that has no name yet, from its start.
final class DraftOutput: ByteOutput {
    private let draft: DraftFile
    private var position: Int64 = 0

    init(_ draft: DraftFile) { self.draft = draft }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try draft.write(bytes, at: position)
        position += Int64(bytes.count)
    }
}
