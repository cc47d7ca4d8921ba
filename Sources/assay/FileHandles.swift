import AssayDomain
import Foundation
import Glibc

/// How many files this process may have open, and what it does with them.
///
/// A connection needs a handle, and one for the file that it moves. So connections are bounded by what the process may
/// open, and the index, the log and the evaluators always find a handle, however many connections there are.
struct FileHandles: Equatable {
    /// The store with its index, and the event loops of each core.
    private static func own(cores: Int) -> Int { 24 + 4 * cores }
    /// For what comes and goes beside connections: pipes of an evaluator, folders to flush, tiles of the log.
    private static let spare = 16
    private static let perConnection = 2
    /// The share of a socket of this machine's own users: a client of ours has a few connections at a time.
    private static let localShare = 4
    private static let localConnectionsMin = 4
    private static let localConnectionsMax = 64
    /// With less nothing useful can be done.
    private static let connectionsMin = 2 * localConnectionsMin

    /// The most connections of the network, and of the socket of this machine, at a time.
    let connectionsMax: Int
    let localConnectionsMax: Int

    /// Shares out what a process may open. Throws `configuration-invalid` if that is too little.
    init(limit: Int, cores: Int) throws(AssayError) {
        let least = Self.own(cores: cores) + Self.spare + Self.connectionsMin * Self.perConnection
        guard limit >= least else {
            throw AssayError(
                .configurationInvalid, "this process may have \(limit) files open, and needs at least \(least)",
                remedy: "raise the limit: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of a container")
        }
        let connections = (limit - Self.own(cores: cores) - Self.spare) / Self.perConnection
        localConnectionsMax = max(
            Self.localConnectionsMin, min(Self.localConnectionsMax, connections / Self.localShare))
        connectionsMax = connections - localConnectionsMax
    }

    /// Takes as many handles as the system lets it.
    static func takeAll() throws(AssayError) -> FileHandles {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        if getrlimit(kind, &limit) == 0 {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            // Where it cannot be raised the server works with what it has.
            if setrlimit(kind, &raised) == 0 { limit = raised }
        }
        return try FileHandles(
            limit: Int(clamping: limit.rlim_cur), cores: ProcessInfo.processInfo.activeProcessorCount)
    }
}
