import AssayClient
import AssayDomain
import Foundation

/// A folder of one test, removed when the test has ended.
final class TestFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "assay-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and gives its path.
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    func bytes(of name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(path)/\(name)").map { [UInt8]($0) }
    }

    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

extension RetryPolicy {
    /// Tries again without waiting.
    static let immediate = RetryPolicy(sleep: { _ in })
}

/// Bytes whose every 4 KiB differ from all others.
func sampleBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: count)
    for start in stride(from: 0, to: count, by: 4_096) {
        for (place, shift) in zip(start..<min(count, start + 4), [0, 8, 16, 24]) {
            bytes[place] = UInt8(truncatingIfNeeded: (start / 4_096 + 1) >> shift)
        }
    }
    return bytes
}

/// What tests look at and do in folders beside their own.
enum TestFolderNames {
    static func count(in path: String) throws -> Int { try FileManager.default.contentsOfDirectory(atPath: path).count }

    static func truncate(_ path: String, to count: UInt64) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.truncate(atOffset: count)
        try handle.close()
    }
}
