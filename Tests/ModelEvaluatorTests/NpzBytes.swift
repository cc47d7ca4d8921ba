import Foundation

/// Writes small `.npz` archives byte by byte, right ones and wrong ones.
struct NpzBytes {
    private var entries: [(name: String, bytes: [UInt8])] = []

    /// Adds an entry with any content.
    mutating func add(entry name: String, _ bytes: [UInt8]) {
        entries.append((name, bytes))
    }

    /// Adds an array with the header that numpy writes.
    mutating func add<Element: BitwiseCopyable>(
        _ name: String, _ description: String, shape: String, _ elements: [Element], fortran: Bool = false
    ) {
        let header = Self.header(description, shape: shape, fortran: fortran)
        add(entry: "\(name).npy", header + elements.withUnsafeBytes { Array($0) })
    }

    static func header(_ description: String, shape: String, fortran: Bool = false, version: UInt8 = 1) -> [UInt8] {
        header(
            dictionary:
                "{'descr': '\(description)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }",
            version: version)
    }

    static func header(dictionary: String, version: UInt8 = 1) -> [UInt8] {
        let text = Array("\(dictionary)\n".utf8)
        let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text
    }

    /// The archive, entries stored without compression.
    func archive(damaged: Bool = false) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = file.count
            let common =
                Self.number(20, 2) + Self.number(0, 2) + Self.number(0, 2) + Self.number(0, 4)
                + Self.number(Int(Self.checksum(entry.bytes)) ^ (damaged ? 1 : 0), 4)
                + Self.number(entry.bytes.count, 4) + Self.number(entry.bytes.count, 4)
                + Self.number(entry.name.utf8.count, 2) + Self.number(0, 2)
            file += [0x50, 0x4B, 3, 4] + common + Array(entry.name.utf8) + entry.bytes
            directory += [0x50, 0x4B, 1, 2] + Self.number(20, 2) + common
            directory += Self.number(0, 2) + Self.number(0, 2) + Self.number(0, 2)
            directory += Self.number(0o100644 << 16, 4) + Self.number(offset, 4) + Array(entry.name.utf8)
        }
        let end =
            [0x50, 0x4B, 5, 6] + Self.number(0, 4) + Self.number(entries.count, 2) + Self.number(entries.count, 2)
            + Self.number(directory.count, 4) + Self.number(file.count, 4) + Self.number(0, 2)
        return file + directory + end
    }

    private static func number(_ value: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// CRC-32 of IEEE 802.3, reflected.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}

/// A file that is removed with the object.
final class TemporaryFile {
    let path: String

    init(_ bytes: [UInt8], suffix: String = "") throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString)\(suffix)")
        try Data(bytes).write(to: url)
        path = url.path()
    }

    deinit {
        // A file that stays behind is no reason to fail a test.
        try? FileManager.default.removeItem(atPath: path)
    }
}
