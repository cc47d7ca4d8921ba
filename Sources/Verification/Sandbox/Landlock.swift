import CConfinement
import EvaluationProtocol
import Glibc

/// Takes the file system, TCP, and signals to others away from this process.
///
/// Source: the kernel's Documentation/userspace-api/landlock.rst. Each version of the interface has more rights than
/// the one before; those that a kernel lacks cannot be taken away there.
enum Landlock {
    /// A group of rights that came with one version.
    private struct Right {
        let layer: EvaluationCage.Layer
        let version: Int32
        var files: UInt64 = 0
        var ports: UInt64 = 0
        var scopes: UInt64 = 0
    }

    // From include/uapi/linux/landlock.h.
    private static let readFile: UInt64 = 1 << 2
    private static let readFolder: UInt64 = 1 << 3
    private static let rights = [
        // Bits 0 to 12: execute, write, read, list, remove and make of every kind.
        Right(layer: .landlockFiles, version: 1, files: 0x1fff),
        Right(layer: .landlockLinks, version: 2, files: 1 << 13),
        Right(layer: .landlockTruncate, version: 3, files: 1 << 14),
        // To bind and to connect.
        Right(layer: .landlockTCP, version: 4, ports: 0b11),
        Right(layer: .landlockDevices, version: 5, files: 1 << 15),
        // Abstract sockets and signals.
        Right(layer: .landlockScope, version: 6, scopes: 0b11),
    ]

    /// Where the loader finds what a library needs; character sets of the C library lie there too.
    private static let loaderFolders = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"]
    private static let loaderFiles = ["/etc/ld.so.cache"]
    /// What ONNX Runtime reads to choose its kernels and to count processors.
    private static let machineFiles = ["/proc/cpuinfo"]
    private static let machineFolders = ["/sys/devices/system/cpu"]
    /// Locales that are folders are looked through by the C library; models of text name one.
    private static let localeFolders = ["/usr/lib/locale"]

    static func close(readable: [String], noting cage: inout EvaluationCage) throws(EvaluationFailure) {
        let version = assay_landlock_version()
        if version < 0, errno != ENOSYS, errno != EOPNOTSUPP { throw .confining("Landlock") }
        let present = rights.filter { $0.version <= version }
        if !present.isEmpty { try restrict(present, readable: readable) }
        for right in rights { cage.note(right.layer, isClosed: right.version <= version) }
    }

    private static func restrict(_ present: [Right], readable: [String]) throws(EvaluationFailure) {
        let rules = assay_landlock_rules(
            present.reduce(0) { $0 | $1.files }, present.reduce(0) { $0 | $1.ports },
            present.reduce(0) { $0 | $1.scopes })
        guard rules >= 0 else { throw .confining("Landlock's rules") }
        defer { Glibc.close(rules) }
        for path in readable + loaderFolders + loaderFiles + machineFiles {
            try grant(readFile, to: path, in: rules)
        }
        for path in machineFolders + localeFolders { try grant(readFile | readFolder, to: path, in: rules) }
        guard assay_landlock_restrict(rules) == 0 else { throw .confining("Landlock's restriction") }
    }

    private static func grant(_ right: UInt64, to path: String, in rules: Int32) throws(EvaluationFailure) {
        guard assay_landlock_grant(rules, path, right) != 0 else { return }
        // What is not there cannot be read either; who needs it says so.
        guard [ENOENT, ENOTDIR, EACCES, ENAMETOOLONG, ELOOP].contains(errno) else {
            throw .confining("a rule of Landlock")
        }
    }
}
