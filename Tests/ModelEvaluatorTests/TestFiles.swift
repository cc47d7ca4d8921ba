import Foundation
import Testing

/// Where the tests find ONNX Runtime and the fixtures.
enum TestFiles {
    /// The folder of Package.swift.
    static func root(of file: String = #filePath) throws -> URL {
        var folder = URL(filePath: file).deletingLastPathComponent()
        while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path()) {
            try #require(folder.path() != "/", "no folder above \(file) holds Package.swift")
            folder = folder.deletingLastPathComponent()
        }
        return folder
    }

    /// The library that `ASSAY_ONNXRUNTIME` names, or else the one that the bootstrap script puts into the cache.
    static func runtimePath() throws -> String {
        let named = ProcessInfo.processInfo.environment["ASSAY_ONNXRUNTIME"]
        let path = try named ?? root().appending(path: ".cache/onnxruntime/libonnxruntime.so").path()
        try #require(
            FileManager.default.fileExists(atPath: path),
            "ONNX Runtime is not at \(path): run scripts/bootstrap, or set ASSAY_ONNXRUNTIME to libonnxruntime.so")
        return path
    }

    static func digits(_ name: String) throws -> String {
        try root().appending(path: "fixtures/digits/\(name)").path()
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }
}
