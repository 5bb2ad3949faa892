import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.EventListener;
import javax.servlet.DispatcherType;
import javax.servlet.http.HttpServlet;
import org.apache.solr.servlet.SolrDispatchFilter;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** Solr 8 or 9 in a Jetty: java Launcher ADDRESS PORT, with -Dsolr.solr.home. */
public class Launcher {
	public static void main(String[] words) throws Exception {
		Server server = new Server(new InetSocketAddress(words[0],
		    Integer.parseInt(words[1])));
		ServletContextHandler solr = new ServletContextHandler(server,
		    "/solr", ServletContextHandler.SESSIONS);

		// Solr 9 has its cores in a listener, Solr 8 in the filter.
		try {
			solr.addEventListener((EventListener) Class.forName(
			    "org.apache.solr.servlet.CoreContainerProvider")
			    .getDeclaredConstructor().newInstance());
		} catch (ClassNotFoundException e) {
			System.err.println("Solr 8");
		}
		solr.addFilter(SolrDispatchFilter.class, "/*",
		    EnumSet.of(DispatcherType.REQUEST));
		solr.addServlet(new ServletHolder(new HttpServlet() { }), "/");
		server.setStopAtShutdown(true);
		server.start();
		server.join();
	}
}
