import AssayDomain
import CFileSystem
import Glibc

/// Tries, before a store takes anything, what every write to it will rest on.
enum SelfTest {
    /// File systems of a network: their locks and flushes do not hold what a store rests on.
    ///
    /// Source: the magic numbers of Linux, statfs(2).
    private static let networkFileSystems: [Int: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x0102_1997: "9P", 0x5346_414F: "AFS",
        0x00C3_6400: "Ceph",
    ]

    /// Throws `configuration-invalid` for a folder that cannot keep a store. A full disk passes: it still serves.
    static func run(in folder: String) throws(AssayError) {
        if let name = networkFileSystems[assay_file_system_type(folder)] {
            throw AssayError(
                .configurationInvalid, "the store lies on a network share (\(name))",
                reason: "its locks and flushes cannot be relied on", remedy: "put the store on a disk of this machine")
        }
        let (draft, target) = ("\(folder)/.self-test.new", "\(folder)/.self-test")
        unlink(draft)  // What a killed process left.
        do {
            let file = try OpenFile(creating: draft)
            try SystemCall.check("fsync") { fsync(file.descriptor) }
            try SystemCall.check("rename") { rename(draft, target) }
            try FileLayout.flushFolder(folder)
            try SystemCall.check("unlink") { unlink(target) }
        } catch  where error.code != .storageFull {
            throw AssayError(
                .configurationInvalid, "the file system lacks what a store needs", reason: error.reason,
                remedy: "put the store on another disk", cause: error)
        } catch {
            return
        }
    }
}
