<?php
/**
 * Plugin Name:       csai chat
 * Description:       Puts your csai chat on every page of the site, and tells it who is signed in.
 * Version:           1.0.0
 * Requires at least: 5.7
 * Requires PHP:      7.4
 *
 * @package csai-chat
 */

defined( 'ABSPATH' ) || exit;

const CSAI_CHAT_OPTION    = 'csai_chat';
const CSAI_CHAT_POSITIONS = array( 'bottom-right', 'bottom-left', 'top-right', 'top-left' );
const CSAI_CHAT_TOKEN_S   = 3600;

add_action( 'wp_footer', 'csai_chat_print' );
add_action( 'admin_menu', 'csai_chat_add_page' );
add_action( 'admin_init', 'csai_chat_register' );
register_uninstall_hook( __FILE__, 'csai_chat_uninstall' );

/** What an administrator has set; empty strings where nothing was. */
function csai_chat_settings() {
	$stored = get_option( CSAI_CHAT_OPTION, array() );
	$empty  = array(
		'server'   => '',
		'key'      => '',
		'position' => '',
	);
	return array_merge( $empty, is_array( $stored ) ? array_intersect_key( $stored, $empty ) : array() );
}

/** The script tag. WordPress escapes each attribute, and lets other plugins add a nonce of their policy. */
function csai_chat_print() {
	$settings = csai_chat_settings();
	if ( '' === $settings['server'] || '' === $settings['key'] ) {
		return;
	}
	$attributes = array(
		'src'          => $settings['server'] . '/widget.js',
		'data-api-key' => $settings['key'],
		'async'        => true,
	);
	if ( '' !== $settings['position'] ) {
		$attributes['data-position'] = $settings['position'];
	}
	$token = csai_chat_token();
	if ( '' !== $token ) {
		$attributes['data-user-token'] = $token;
	}
	wp_print_script_tag( $attributes );
}

/**
 * Proves to csai who is signed in, for an hour: a JWT (HS256) over the client's identity secret, which stands in
 * wp-config.php and nowhere else. Empty where nobody is signed in or no secret is defined.
 */
function csai_chat_token() {
	if ( ! defined( 'CSAI_IDENTITY_SECRET' ) || '' === CSAI_IDENTITY_SECRET || ! is_user_logged_in() ) {
		return '';
	}
	if ( ! defined( 'DONOTCACHEPAGE' ) ) {
		define( 'DONOTCACHEPAGE', true ); // a page that names its visitor is nobody else's.
	}
	$claims = array(
		'sub' => (string) get_current_user_id(),
		'exp' => time() + CSAI_CHAT_TOKEN_S,
	);
	$signed = csai_chat_base64url( '{"alg":"HS256","typ":"JWT"}' ) . '.' . csai_chat_base64url( wp_json_encode( $claims ) );
	return $signed . '.' . csai_chat_base64url( hash_hmac( 'sha256', $signed, CSAI_IDENTITY_SECRET, true ) );
}

/** Base64 as JWTs have it. */
function csai_chat_base64url( $bytes ) {
	return rtrim( strtr( base64_encode( $bytes ), '+/', '-_' ), '=' ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
}

/** Settings > csai chat, for those who may manage options. */
function csai_chat_add_page() {
	add_options_page( __( 'csai chat', 'csai-chat' ), __( 'csai chat', 'csai-chat' ), 'manage_options', 'csai-chat', 'csai_chat_page' );
}

/** WordPress itself checks the nonce and the capability of what is sent to options.php. */
function csai_chat_register() {
	register_setting(
		'csai-chat',
		CSAI_CHAT_OPTION,
		array(
			'type'              => 'array',
			'sanitize_callback' => 'csai_chat_sanitize',
			'show_in_rest'      => false,
		)
	);
}

/** Keeps what is valid; says what is not, and leaves that as it was. */
function csai_chat_sanitize( $given ) {
	$given    = is_array( $given ) ? $given : array();
	$settings = csai_chat_settings();
	$server   = untrailingslashit( esc_url_raw( trim( csai_chat_text( $given, 'server' ) ), array( 'https' ) ) );
	$key      = trim( csai_chat_text( $given, 'key' ) );
	$position = csai_chat_text( $given, 'position' );
	if ( '' !== $server || '' === csai_chat_text( $given, 'server' ) ) {
		$settings['server'] = $server;
	} else {
		add_settings_error( CSAI_CHAT_OPTION, 'server', __( 'The server is an address that begins with https://.', 'csai-chat' ) );
	}
	if ( '' === $key || preg_match( '/\Apk_[A-Za-z0-9_-]+\z/', $key ) ) {
		$settings['key'] = $key;
	} else {
		add_settings_error( CSAI_CHAT_OPTION, 'key', __( 'The publishable key begins with pk_. A secret key (sk_) must not be used here.', 'csai-chat' ) );
	}
	$settings['position'] = in_array( $position, CSAI_CHAT_POSITIONS, true ) ? $position : '';
	return $settings;
}

/** One field of a form, if it is text. */
function csai_chat_text( $given, $name ) {
	return isset( $given[ $name ] ) && is_string( $given[ $name ] ) ? $given[ $name ] : '';
}

/** The settings page. */
function csai_chat_page() {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	$settings = csai_chat_settings();
	?>
	<div class="wrap">
		<h1><?php echo esc_html( get_admin_page_title() ); ?></h1>
		<form action="options.php" method="post">
			<?php settings_fields( 'csai-chat' ); ?>
			<table class="form-table" role="presentation">
				<tr>
					<th scope="row"><label for="csai-server"><?php esc_html_e( 'Server', 'csai-chat' ); ?></label></th>
					<td><input id="csai-server" name="csai_chat[server]" type="url" class="regular-text" required
						placeholder="https://chat.example.com" value="<?php echo esc_attr( $settings['server'] ); ?>"></td>
				</tr>
				<tr>
					<th scope="row"><label for="csai-key"><?php esc_html_e( 'Publishable key', 'csai-chat' ); ?></label></th>
					<td><input id="csai-key" name="csai_chat[key]" type="text" class="regular-text code" required
						placeholder="pk_..." autocomplete="off" value="<?php echo esc_attr( $settings['key'] ); ?>"></td>
				</tr>
				<tr>
					<th scope="row"><label for="csai-position"><?php esc_html_e( 'Position', 'csai-chat' ); ?></label></th>
					<td><select id="csai-position" name="csai_chat[position]">
						<option value=""><?php esc_html_e( 'As set in csai', 'csai-chat' ); ?></option>
						<?php foreach ( CSAI_CHAT_POSITIONS as $position ) : ?>
							<option value="<?php echo esc_attr( $position ); ?>" <?php selected( $settings['position'], $position ); ?>>
								<?php echo esc_html( $position ); ?>
							</option>
						<?php endforeach; ?>
					</select></td>
				</tr>
			</table>
			<?php submit_button(); ?>
		</form>
	</div>
	<?php
}

/** Leaves nothing behind. */
function csai_chat_uninstall() {
	delete_option( CSAI_CHAT_OPTION );
}
