import AssayArchive
import EvaluationProtocol
import ONNXRuntime

/// The arrays of a `.npz` archive, as `numpy.savez` and `numpy.savez_compressed` write it.
///
/// An archive is read only if numpy finds the same arrays in it: see `ZipReader`, and `checkNames`.
struct NpzDataset {
    static let entriesMax = 1_000
    private static let suffix = ".npy"

    /// The wanted arrays by name.
    let arrays: [ByteName: DatasetArray]
    /// The names of all arrays in the archive, sorted.
    let names: [String]

    /// Reads the arrays whose names are wanted, at most `bytesMax` bytes of them.
    ///
    /// The headers of the others are looked at too, so that no archive with pickled objects passes; of what type they
    /// are besides does not matter.
    init(path: String, wanted: (ByteName) -> Bool, bytesMax: Int) throws(EvaluationFailure) {
        try SystemFiles.requireFile(path, "dataset", .invalidDataset)
        var arrays: [ByteName: DatasetArray] = [:]
        var entries: Set<ByteName> = []
        do {
            let archive = try ZipReader(
                path: path, limits: ZipLimits(entriesMax: Self.entriesMax, outputBytesMax: bytesMax))
            while let entry = try archive.nextEntry() {
                entries.insert(ByteName(entry))
                let reader = NpyReader(archive: archive, name: Self.arrayName(entry) ?? entry)
                guard let name = Self.arrayName(entry) else {
                    try reader.requireNoArray()
                    continue
                }
                let isWanted = wanted(ByteName(name))
                guard let header = try reader.header(isWanted: isWanted) else { continue }
                if isWanted { arrays[ByteName(name)] = try reader.array(header, bytesMax: bytesMax) }
            }
        } catch let error as ZipError {
            throw error.failure
        } catch let failure as EvaluationFailure {
            throw failure
        } catch {
            throw EvaluationFailure(.internal, "the dataset cannot be read")
        }
        try Self.checkNames(entries)
        self.arrays = arrays
        names = entries.compactMap { Self.arrayName($0.text).map { ByteName($0) } }.sorted().map(\.text)
    }

    /// The name of the array in an entry; nil if its name is none of an array's.
    private static func arrayName(_ entry: String) -> String? {
        entry.utf8.count >= suffix.utf8.count && entry.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
            ? String(decoding: entry.utf8.dropLast(suffix.utf8.count), as: UTF8.self) : nil
    }

    /// numpy takes `x` for the entry `x` if there is one, and else for `x.npy`: of two such entries neither is read.
    private static func checkNames(_ entries: Set<ByteName>) throws(EvaluationFailure) {
        for entry in entries.sorted() {
            guard let name = arrayName(entry.text), entries.contains(ByteName(name)) else { continue }
            throw EvaluationFailure(
                .invalidDataset,
                "the dataset has the entries \(MessageText.quote(name)) and \(MessageText.quote(entry.text)), which "
                    + "are one array's name")
        }
    }
}

/// Reads one entry of the archive as an array.
private struct NpyReader {
    let archive: ZipReader
    let name: String

    /// Nil for an array that nobody wants, of a type that is not read.
    func header(isWanted: Bool) throws -> NpyHeader? {
        do {
            let lengthBytes = try NpyHeader.lengthBytes(prefix: bytes(NpyHeader.prefixBytes))
            let length = try bytes(lengthBytes).reversed().reduce(0) { $0 << 8 | Int($1) }
            guard length <= NpyHeader.dictionaryBytesMax else { throw NpyError.headerTooLong }
            return try NpyHeader(dictionary: bytes(length))
        } catch let error as NpyError {
            if !isWanted, error.isOfOtherType { return nil }
            throw error.failure(array: name)
        }
    }

    /// numpy reads an array by what is in an entry, whatever that is called.
    func requireNoArray() throws {
        guard try bytesUpTo(NpyHeader.magic.count) == NpyHeader.magic else { return }
        throw EvaluationFailure(
            .invalidDataset, "the dataset's entry \(MessageText.quote(name)) is an array and is not called .npy")
    }

    func array(_ header: NpyHeader, bytesMax: Int) throws -> DatasetArray {
        guard let byteCount = header.byteCount, let memoryBytes = header.memoryBytes, memoryBytes <= bytesMax else {
            throw EvaluationFailure(
                .resourceLimit,
                "the dataset's array \(MessageText.quote(name)) is larger than the \(bytesMax) bytes "
                    + "that the memory limit leaves for data")
        }
        do {
            let memory = try TensorMemory(byteCount: byteCount)
            try fill(memory)
            return try DatasetArray(name: name, header: header, memory: memory)
        } catch let error as NpyError {
            throw error.failure(array: name)
        } catch let error as OnnxError {
            throw EvaluationFailure.running(error)
        }
    }

    private func fill(_ memory: TensorMemory) throws {
        let filled = try memory.withMutableBytes { bytes in
            var span = MutableRawSpan(_unsafeBytes: bytes)
            return try archive.read(into: &span)
        }
        guard filled == memory.byteCount else { throw NpyError.endsEarly }
        // Reading to the end of the entry also makes the archive's checksum count.
        guard try bytesUpTo(1).isEmpty else { throw NpyError.trailingData }
    }

    private func bytes(_ count: Int) throws -> [UInt8] {
        let bytes = try bytesUpTo(count)
        guard bytes.count == count else { throw NpyError.endsEarly }
        return bytes
    }

    private func bytesUpTo(_ count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let filled = try buffer.withUnsafeMutableBytes { bytes in
            var span = MutableRawSpan(_unsafeBytes: bytes)
            return try archive.read(into: &span)
        }
        return Array(buffer.prefix(filled))
    }
}

extension ZipError {
    /// The failure of a dataset that is such an archive.
    fileprivate var failure: EvaluationFailure {
        switch self {
        case .damaged(let reason):
            EvaluationFailure(
                .invalidDataset,
                "the dataset is no readable .npz archive: "
                    + MessageText.plain(reason, limit: MessageText.explanationLengthMax))
        case .ambiguous(let reason):
            EvaluationFailure(
                .invalidDataset,
                "the dataset's .npz archive can be read in more than one way: "
                    + MessageText.plain(reason, limit: MessageText.explanationLengthMax))
        case .encrypted(let name):
            EvaluationFailure(.invalidDataset, "the dataset's entry \(MessageText.quote(name)) is encrypted")
        case .duplicateEntry(let name):
            EvaluationFailure(.invalidDataset, "the dataset has two entries \(MessageText.quote(name))")
        case .notAFile(let name):
            EvaluationFailure(.invalidDataset, "the dataset's entry \(MessageText.quote(name)) is no file")
        case .nameTooLong(let limit):
            EvaluationFailure(.invalidDataset, "the dataset has an entry whose name is above \(limit) bytes")
        case .tooManyEntries(let limit):
            EvaluationFailure(.invalidDataset, "the dataset has more than \(limit) entries")
        case .tooLarge(let limit):
            EvaluationFailure(
                .resourceLimit, "the dataset is larger than the \(limit) bytes that the memory limit leaves for data")
        case .outOfMemory: EvaluationFailure(.resourceLimit, "the memory limit is reached while the dataset is opened")
        }
    }
}
