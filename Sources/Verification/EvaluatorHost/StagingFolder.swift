import AssayDomain
import Foundation
import Glibc

/// A folder that holds one evaluation's files and nothing else, so that a model that names files beside it finds none.
struct StagingFolder {
    private let path: String

    /// Makes a new folder that only its owner can look into.
    init(in parent: String) throws {
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var template = Array("\(parent)/evaluation-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw AssayError(
                .storageFailed, "no folder for an evaluation can be made", reason: "mkdtemp: errno \(errno)")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Gives a file a name in the folder: the same read-only file by another link, or a copy on another file system.
    func stage(_ file: String, as name: String) throws -> String {
        let target = "\(path)/\(name)"
        if link(file, target) != 0 {
            try FileManager.default.copyItem(atPath: file, toPath: target)
        }
        return target
    }

    /// Removes the folder. What cannot be removed holds nothing that anyone relies on.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
