/// The limits that keep a hostile file from taking time or memory without bound.
enum ScanLimit {
    /// What is read of one file, in bytes.
    static let readBytes = 32 << 20
    /// A header of safetensors; the format itself allows a hundred million bytes.
    static let headerBytes = 2 << 20
    /// `config.json`.
    static let configBytes = 1 << 20
    /// Front matter, and an `MLmodel`.
    static let frontMatterBytes = 256 << 10
    static let frontMatterKeys = 1_000
    /// Opcodes of all pickles of a file.
    static let opcodes = 300_000
    /// Different imports that are told.
    static let imports = 200
    static let tensors = 100_000
    /// Keys of a GGUF file, and elements of its lists.
    static let keys = 10_000
    static let listElements = 2_000_000
    /// Entries of an archive, and bytes of its directory.
    static let entries = 20_000
    static let directoryBytes = 4 << 20
    /// What is unpacked of one stream, and of all in a file, in bytes.
    static let unpackedBytes = 1 << 20
    static let allUnpackedBytes = 4 << 20
    /// Archives within each other.
    static let depth = 3
    /// What is kept of a text, in bytes, and texts of one name.
    static let textBytes = 500
    static let values = 50
    static let facts = 100
}

/// Why a file is not read, or not to its end.
struct NotInspected: Error, Equatable {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    static let tooMuch = NotInspected("over \(ScanLimit.readBytes >> 20) MiB would have to be read")
}
