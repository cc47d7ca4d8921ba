import AssayDomain
import Foundation

/// A folder that is there for as long as a command needs it.
enum ScratchFolder {
    /// Lends the path of a new folder beneath TMPDIR, or /tmp, that only this user can open, and removes it afterwards.
    static func lend<Result>(
        variables: [String: String], _ body: (String) async throws -> Result
    ) async throws -> Result {
        let parent = variables["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(parent)/assay-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw AssayError(
                .fileInaccessible, "no folder can be made in \(Printable.quote(parent))",
                reason: String(cString: strerror(errno)), remedy: "set TMPDIR to a folder with space for the model")
        }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // What is left behind after a failure here is the system's to clear.
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }
}
