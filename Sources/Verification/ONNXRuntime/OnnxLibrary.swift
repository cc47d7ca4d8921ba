import COnnxRuntime
import Glibc
import Synchronization

/// ONNX Runtime, loaded from a shared library, with the one environment that all of its sessions share.
///
/// The library is never unloaded: it may have threads that outlive the last session by a moment.
package final class OnnxLibrary {
    /// Version of the library, such as `1.32.0`.
    package let version: String
    let table: UnsafePointer<OrtTable>
    let environment: OpaquePointer  // OrtEnv, owned

    /// Held while an environment is made or released: the library takes down its last one after it let go of its own
    /// lock, and one that is made meanwhile fails.
    private static let environments = Mutex(())

    /// Loads the library. Limits of the process must be in place before: sessions start threads.
    package init(path: String) throws(OnnxError) {
        try Self.forbidTelemetry()
        let base = try Self.loadBase(path)
        guard let version = ort_get_version(base) else {
            throw Self.unusable("GetVersionString", "the library does not say its version")
        }
        self.version = String(cString: version)
        guard let table = ort_get_table(base) else {
            throw Self.unusable(
                "GetApi",
                "the library is version \(self.version), which lacks interface version \(ORT_TABLE_VERSION)")
        }
        self.table = table
        // Handles leave the lock as addresses, because they are not Sendable.
        let (status, address) = Self.environments.withLock { _ in
            var environment: OpaquePointer?
            let status = ort_create_env(table, ORT_LOG_FATAL, "assay", &environment)
            return (UInt(bitPattern: status), UInt(bitPattern: environment))
        }
        try check(table, "CreateEnv", OpaquePointer(bitPattern: status))
        environment = try present(OpaquePointer(bitPattern: address), "CreateEnv")
        try check(table, "DisableTelemetryEvents", ort_disable_telemetry(table, environment))
    }

    deinit {
        Self.environments.withLock { _ in ort_release_env(table, environment) }
    }

    /// Switches the library's telemetry off before it exists.
    ///
    /// From version 1.29 on, official builds for Linux report names and hashes of models over the network, and keep a
    /// database in the home folder. DisableTelemetryEvents comes too late: that database is made with the environment.
    private static func forbidTelemetry() throws(OnnxError) {
        guard setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0 else {
            throw OnnxError(.outOfMemory, function: "setenv", message: "the environment has no room")
        }
    }

    private static func loadBase(_ path: String) throws(OnnxError) -> UnsafePointer<OrtBase> {
        // A name without a slash would be searched for in the system's folders.
        guard path.contains("/") else { throw unusable("dlopen", "the path has no folder") }
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw unusable("dlopen", dlerror().map { String(cString: $0) } ?? "no reason given")
        }
        guard let symbol = dlsym(handle, ORT_BASE_SYMBOL) else {
            throw unusable("dlsym", "the library does not export \(ORT_BASE_SYMBOL)")
        }
        guard let base = ort_call_get_base(symbol) else {
            throw unusable(ORT_BASE_SYMBOL, "it returned nothing")
        }
        return base
    }

    private static func unusable(_ function: String, _ message: String) -> OnnxError {
        OnnxError(.libraryUnusable, function: function, message: message)
    }
}

/// Turns a status into an error and frees it.
func check(
    _ table: UnsafePointer<OrtTable>, _ function: String, _ status: OpaquePointer?
) throws(OnnxError) {
    guard let status else { return }
    defer { ort_release_status(table, status) }
    let message = ort_get_error_message(table, status).map { String(cString: $0) } ?? ""
    throw OnnxError(
        OnnxError.Code(libraryCode: ort_get_error_code(table, status)), function: function, message: message)
}

/// The handle that a successful call stored; the library never stores NULL then, and we do not trust that.
func present<Handle>(_ handle: Handle?, _ function: String) throws(OnnxError) -> Handle {
    guard let handle else { throw OnnxError(.unknown, function: function, message: "nothing was returned") }
    return handle
}
