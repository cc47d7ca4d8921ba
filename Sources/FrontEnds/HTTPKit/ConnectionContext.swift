package import Hummingbird
package import NIOCore

/// What a request comes with: the connection that it came over.
package struct ConnectionContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
